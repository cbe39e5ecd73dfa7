/** Tag of this dialect in extensions, signatures and parts that only it knows. */
export const DIALECT = 'gemini';

/**
 * Stands where the thought signature of a function call is lost or was issued by another model (ai.google.dev, "Thought
 * signatures"): models from generation 3 on refuse the call without either.
 */
export const NO_SIGNATURE = 'skip_thought_signature_validator';
