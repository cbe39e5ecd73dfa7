import { chatCodec } from './openai/chat/codec.ts';
import type { ChatFront } from './provider.ts';

/** Every chat dialect that clients speak. */
const fronts: readonly ChatFront[] = [chatCodec];

/** Throws for a dialect that no route speaks. */
export function frontOf(dialect: string): ChatFront {
  const front = fronts.find((each) => each.dialect === dialect);
  if (front === undefined) throw new Error(`No client speaks the dialect "${dialect}".`);
  return front;
}
