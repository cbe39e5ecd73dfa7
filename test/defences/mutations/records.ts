import type { Mutation } from '../mutation.ts';

/** Documents of the admin API, their encryption, and keys of providers among them. */
export const records: readonly Mutation[] = [
  {
    id: 'old-version-is-ignored',
    removes: 'an old version of a document that is put back is ignored',
    file: 'plugins/records/keeper.ts',
    find: 'if (!(version > have || (record.instead === true && version === have))) return false;',
    replace: '',
    test: 'plugins/records/plugin',
    name: 'R17: an old version put back, as itself or as a newer one, changes nothing',
  },
  {
    id: 'document-is-bound-to-its-id',
    removes: 'a document opens in its own place only',
    file: 'plugins/records/envelope.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    find: 'Buffer.from(`${collection}\\0${id}\\0${version}`)',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    replace: 'Buffer.from(`${collection}\\0${version}`)',
    test: 'plugins/records/plugin',
    name: 'G22: two documents that changed places are both left out',
  },
  {
    id: 'damaged-state-is-refused',
    removes: 'the pages of the file of documents are checked at the start',
    file: 'plugins/records/sqlite-file.ts',
    find: '    else check(database);',
    replace: '',
    test: 'plugins/records/plugin',
    name: 'D3: that is damaged stops the start with a message, and stays as it was',
  },
  {
    id: 'version-is-written-once',
    removes: 'a version of a document is written once',
    file: 'plugins/records/sqlite-store.ts',
    find: 'if (version !== newest + 1)',
    replace: 'if (false)',
    test: 'plugins/records/plugin',
    name: 'of an outdated version are refused as a conflict, and the other change stays',
  },
  {
    id: 'missing-encryption-key-is-refused',
    removes: 'a start without a key that documents are under is refused',
    file: 'plugins/records/index.ts',
    find: '      refuseMissingKeys(keeper.missingKeys());',
    replace: '',
    test: 'plugins/records/rotation',
    name: 'security 34: without the old one the start is refused with its name',
  },
  {
    id: 'removed-key-is-forgotten',
    removes: 'what becomes of a call with a removed key is not held against the key that has its place',
    file: 'plugins/router/credentials.ts',
    find: 'key === undefined || key.removed || turn <= key.addedAt ? null : key',
    replace: 'key === undefined ? null : key',
    test: 'plugins/router/changing-keys',
    name: 'what becomes of a call with a removed key says nothing of the one that has its place',
  },
];
