import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { files, text } from './tree.ts';

const folder = 'deploy/k8s-replicas';
const base = parse(text('deploy/k8s/deployment.yaml'));
const own = parse(text(`${folder}/kustomization.yaml`));
const replicas = parse(text(`${folder}/statefulset.yaml`));
const redis = parseAllDocuments(text(`${folder}/redis.yaml`)).map((each) => each.toJS());

describe(folder, () => {
  it('lists every file, and takes out what it replaces', () => {
    const listed = [...own.resources.filter((name: string) => !name.startsWith('..')), 'kustomization.yaml'];
    expect(
      files(folder)
        .map((path) => path.replace(`${folder}/`, ''))
        .toSorted(),
    ).toEqual(listed.toSorted());
    const removed = own.patches.map(({ patch }: { patch: string }) => parse(patch)).map(({ kind }: { kind: string }) => kind);
    expect(removed).toEqual(['Deployment', 'PersistentVolumeClaim']);
    expect(own.images).toEqual(parse(text('deploy/k8s/kustomization.yaml')).images);
  });

  it('runs the pod of the Deployment, with a volume of its own for each replica', () => {
    const template = structuredClone(base.spec.template);
    template.spec.volumes = template.spec.volumes.filter(({ name }: { name: string }) => name !== 'data');
    template.spec.containers[0].env.push({ name: 'REDIS_URL', value: 'redis://postern-redis:6379' });
    expect(replicas.spec.template).toEqual(template);
    expect(replicas.spec.volumeClaimTemplates.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual([
      'data',
    ]);
  });

  it('has a Redis that forgets nothing, where REDIS_URL says', () => {
    const [server, service] = redis;
    expect(`redis://${service.metadata.name}:${service.spec.ports[0].port}`).toBe('redis://postern-redis:6379');
    const { args } = server.spec.template.spec.containers[0];
    expect(args.join(' ')).toContain('--appendonly yes');
    expect(args.join(' ')).toContain('--maxmemory-policy noeviction');
    expect(server.spec.volumeClaimTemplates).toHaveLength(1);
  });
});
