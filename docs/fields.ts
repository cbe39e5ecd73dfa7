import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { frontOf } from '../providers/fronts.ts';
import { clientDialect, providerTypes } from '../providers/index.ts';
import type { FieldRule, ProviderType } from '../providers/provider.ts';

// docs/fields.md, made from the tables the translation itself uses: `npm run docs`.

const words: Readonly<Record<FieldRule, string>> = { mapped: 'yes', refused: '**400**', dropped: 'warning' };

/** The page: what becomes of every documented field of a chat request at the providers of each dialect. */
export function fieldsPage(types: readonly ProviderType[]): string {
  const translated = types.filter((type) => type.fields !== undefined);
  const { fields } = frontOf(clientDialect);
  // Not in the API's reference, but sent by its clients and known to some providers.
  const more = new Set(translated.flatMap((type) => Object.keys(type.fields!)).filter((field) => !Object.hasOwn(fields, field)));
  const row = (field: string) => {
    const rules = translated.map((type) => words[type.fields![field] ?? 'dropped']);
    const neutral = (fields[field] ?? []).map((value) => `\`${JSON.stringify(value)}\``).join(', ');
    return `| \`${field}\` | ${neutral} | yes | ${rules.join(' | ')} |`;
  };
  return `# Fields of a chat request, provider by provider

This page is made by \`npm run docs\` from the tables that translate requests.

- **yes**: the field has its effect. Providers whose dialect is the client's own get every field as it was sent, unknown ones too.
- **400**: leaving the field out would change what the answer means, so the call is refused with the field's name in \`error.param\`.
  With \`unsupported_params: drop\` in the provider's entry it is left out with a warning instead.
- **warning**: leaving the field out is harmless; the answer says so in \`x-postern-warnings: dropped=<field>\`.
- A value of the second column asks for nothing more than the API does anyway and counts as absent, like \`null\`, \`{}\` and \`[]\`.
- \`"gateway": {"require_parameters": true}\` in a call: only targets where every parameter has its effect may answer it; if there is none, 400.
- Fields that are not listed (vendor extensions) are sent to providers of the client's dialect, and are a warning elsewhere, except a
  provider's own options, which docs/providers.md describes.
- A model may take less than its provider: what a single model refuses is a 400 with the field's name too.

| field | asks for nothing | ${['same dialect', ...translated.map((type) => type.type)].join(' | ')} |
|${'---|'.repeat(3 + translated.length)}
${[...Object.keys(fields), ...more].map(row).join('\n')}
`;
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, 'fields.md'), fieldsPage(providerTypes));
