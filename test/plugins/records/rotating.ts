// A process that wraps the data keys of a data directory anew until it is killed; says when it has begun.
import Fastify from 'fastify';
import records from '../../../plugins/records/index.ts';

const app = Fastify();
await app.register(records, {
  dataDir: process.argv[2]!,
  encryptionKey: process.env.ENCRYPTION_KEY,
  previousEncryptionKeys: [process.env.PREVIOUS!],
});
await app.ready();
process.stdout.write('ready\n');
setInterval(() => {}, 1_000);
