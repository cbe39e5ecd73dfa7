import { BlockList, isIPv6 } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseListen } from '../../config/listen.ts';
import { loadConfig } from '../../config/load.ts';
import { providerTypes } from '../../providers/index.ts';
import { all, environment, runtime } from './dockerfile.ts';
import { files, root, text } from './tree.ts';

const { version } = JSON.parse(text('package.json')) as { version: string };
const defaults = loadConfig({ root, env: {}, types: providerTypes }).config;
const ports = [defaults.server, defaults.management].map(({ listen }) => (parseListen(listen) as { port: number }).port);
const dataDir = environment(runtime).DATA_DIR;

/** Seconds between the hard deadline of a shutdown and the moment a hanging one is given up (`server.ts`). */
const hangs = 5;
const shutdown = (server: typeof defaults.server): number => (server.shutdown.delay + server.shutdown.timeout) / 1000 + hangs;
const seconds = (duration: string): number => Number(/^(\d+)s$/.exec(duration)?.[1]);

/** Open files of a process with as many connections as it takes: callers, as many upstream, management, and 64 others. */
const openFiles = defaults.server.max_connections + defaults.server.max_in_flight + defaults.management.max_connections + 64;

/** What a configuration of nginx says about streams, waiting and sizes. */
function expectProxy(proxy: string): void {
  expect(proxy).toMatch(/^ +proxy_buffering off;/m);
  expect(proxy).not.toMatch(/^ +proxy_next_upstream .*\b(non_idempotent|http_5\d\d)\b/m);
  expect(seconds(/proxy_read_timeout (\d+s);/.exec(proxy)![1]!)).toBeGreaterThan(defaults.timeouts.total / 1000);
  expect(seconds(/ keepalive_timeout (\d+s);/.exec(proxy)![1]!)).toBeLessThan(defaults.server.keep_alive_timeout / 1000);
  expect(Number(/client_max_body_size (\d+)m;/.exec(proxy)![1]) * 2 ** 20).toBe(defaults.server.body_limit);
}

/** No moving target: a tag that is not `latest`. */
const pinned = /^[\w./-]+:(?!latest)\w[\w.-]*$/;
const image = `postern:${version}`;

describe('deploy/compose.yaml', () => {
  const compose = parse(text('deploy/compose.yaml'), { merge: true });
  const { postern } = compose.services;

  it('runs without privileges on a read-only root, from pinned images', () => {
    for (const service of Object.values<typeof postern>(compose.services)) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(service.image).toMatch(pinned);
      expect(service.privileged ?? service.network_mode).toBeUndefined();
    }
    expect(postern.image).toBe(image);
  });

  it('publishes the default ports on loopback only, and keeps the data in a named volume', () => {
    expect(postern.ports).toEqual(ports.map((number) => `127.0.0.1:${number}:${number}`));
    expect(postern.volumes).toEqual([`data:${dataDir}`]);
    expect(compose.volumes).toHaveProperty('data');
    expect(postern.healthcheck.test.join(' ')).toMatch(/^CMD node .*:4001\/livez/);
  });

  it('holds no secret, and asks for the key without which it would not start', () => {
    const values = Object.entries<string>(postern.environment).filter(([name]) => name.includes('KEY'));
    for (const [name, value] of values) expect(value).toMatch(new RegExp(`^\\$\\{${name}:[?-]`));
    expect(postern.environment.GATEWAY_API_KEYS).toMatch(/^\$\{GATEWAY_API_KEYS:\?/);
  });

  it('L1: waits longer than a shutdown takes', () => {
    expect(seconds(postern.stop_grace_period)).toBeGreaterThan(shutdown(defaults.server));
  });

  it('may open as many files as the default limits of connections allow', () => {
    expect(Math.min(postern.ulimits.nofile.soft, postern.ulimits.nofile.hard)).toBeGreaterThan(openFiles);
  });

  it('is what deploy/prometheus.yml scrapes', () => {
    const { scrape_configs: jobs } = parse(text('deploy/prometheus.yml'));
    expect(jobs[0].static_configs[0].targets).toEqual([`postern:${ports[1]}`]);
  });
});

describe('deploy/k8s', () => {
  const names: string[] = parse(text('deploy/k8s/kustomization.yaml')).resources;
  const objects = names.flatMap((name) => parseAllDocuments(text(`deploy/k8s/${name}`)).map((each) => each.toJS()));
  const one = (kind: string) => objects.find((object) => object.kind === kind)!;
  const pod = one('Deployment').spec.template.spec;
  const [container] = pod.containers;
  const own = loadConfig({
    root,
    env: {},
    types: providerTypes,
    overlay: parse(one('ConfigMap').data['gateway.yaml']),
  }).config;

  it('lists every file', () => {
    expect(
      files('deploy/k8s')
        .map((path) => path.replace('deploy/k8s/', ''))
        .toSorted(),
    ).toEqual([...names, 'kustomization.yaml'].toSorted());
    const [{ newName, newTag }] = parse(text('deploy/k8s/kustomization.yaml')).images;
    expect(`${newName}:${newTag}`).toBe(image);
  });

  it('L1: gives the pod more time to end than preStop and shutdown take', () => {
    const pause = container.lifecycle.preStop.sleep.seconds;
    expect(pause).toBeGreaterThanOrEqual(5);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(pause + shutdown(own.server));
  });

  it('L5: probes liveness patiently, traffic by readiness, both on the management listener', () => {
    const { livenessProbe, readinessProbe, startupProbe } = container;
    expect([livenessProbe, readinessProbe, startupProbe].map(({ httpGet }) => `${httpGet.port}${httpGet.path}`)).toEqual([
      'management/livez',
      'management/readyz',
      'management/readyz',
    ]);
    expect(livenessProbe.timeoutSeconds).toBeGreaterThanOrEqual(10);
    expect(container.ports.map(({ containerPort }: { containerPort: number }) => containerPort)).toEqual(ports);
  });

  it('runs without privileges on a read-only root, as the user of the image', () => {
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(all(runtime, 'USER').at(-1)).toBe(`${pod.securityContext.runAsUser}:0`);
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
  });

  it('D4: keeps the data in a volume that one pod at a time has', () => {
    const mount = container.volumeMounts.find(({ mountPath }: { mountPath: string }) => mountPath === dataDir);
    const { persistentVolumeClaim } = pod.volumes.find(({ name }: { name: string }) => name === mount.name);
    expect(persistentVolumeClaim.claimName).toBe(one('PersistentVolumeClaim').metadata.name);
    expect(one('PersistentVolumeClaim').spec.accessModes).toEqual(['ReadWriteOncePod']);
    expect(one('Deployment').spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
  });

  it('lets nothing out to metadata services, the cluster or private networks', () => {
    const blocks = one('NetworkPolicy').spec.egress.flatMap(({ to }: { to: { ipBlock?: object }[] }) =>
      to.flatMap(({ ipBlock }) => ipBlock ?? []),
    ) as { cidr: string; except: string[] }[];
    const list = (cidrs: string[]): BlockList => {
      const made = new BlockList();
      for (const [address = '', prefix] of cidrs.map((cidr) => cidr.split('/')))
        made.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
      return made;
    };
    const rules = blocks.map(({ cidr, except }) => ({ cidr: list([cidr]), except: list(except) }));
    const reaches = (address: string): boolean => {
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      return rules.some(({ cidr, except }) => cidr.check(address, family) && !except.check(address, family));
    };
    const metadata = [
      '169.254.169.254',
      '169.254.170.2',
      '100.100.100.200',
      '192.0.0.192',
      '168.63.129.16',
      'fd00:ec2::254',
      'fd20:ce::254',
    ];
    const inside = [
      '10.0.0.1',
      '10.96.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      '127.0.0.1',
      'fd12::1',
      'fe80::1',
    ];
    expect([...metadata, ...inside, '::ffff:10.0.0.1', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::'].filter(reaches)).toEqual([]);
    expect(['1.1.1.1', '172.32.0.1', '2606:4700::1111'].filter((address) => !reaches(address))).toEqual([]);
    expect(one('NetworkPolicy').spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(one('NetworkPolicy').spec.podSelector.matchLabels).toEqual(one('Deployment').spec.template.metadata.labels);
  });
});

describe('docs/deployment.md', () => {
  const blocks = [...text('docs/deployment.md').matchAll(/^( *)```(\w+)\n([\s\S]*?)^ *```/gm)].map(
    ([, indent = '', kind, body = '']) => ({
      kind,
      body: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
  const documents = blocks.filter(({ kind }) => kind === 'yaml').map(({ body }) => parse(body));
  const of = (kind: string): string => blocks.find((block) => block.kind === kind)!.body;

  it('L1: its sidecar and its unit wait longer than a shutdown takes', () => {
    const { spec } = documents.find(({ kind }) => kind === 'Pod');
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(shutdown(defaults.server));
    expect(spec.initContainers[0]).toMatchObject({
      image,
      restartPolicy: 'Always',
      env: [{ value: defaults.server.listen }, {}],
    });
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(of('ini'))?.[1])).toBeGreaterThan(shutdown(defaults.server));
  });

  it('its container has the limits of deploy/compose.yaml, and comes back', () => {
    const run = /docker run --detach [\s\S]*?postern:\S+$/m.exec(of('sh'))![0];
    const { postern } = parse(text('deploy/compose.yaml'), { merge: true }).services;
    expect(run).toContain(` --restart ${postern.restart} `);
    expect(run).toContain(` --memory ${postern.mem_limit} `);
    expect(run).toContain(` --ulimit nofile=${postern.ulimits.nofile.soft}:${postern.ulimits.nofile.hard} `);
    expect(run).toContain(` --stop-timeout ${seconds(postern.stop_grace_period)} `);
    expect(Number(/^LimitNOFILE=(\d+)$/m.exec(of('ini'))?.[1])).toBeGreaterThan(openFiles);
  });

  it('its proxy passes streams on as they come, and waits as long as a call may take', () => {
    expectProxy(of('nginx'));
  });
});

describe('deploy/nginx.conf', () => {
  it('passes streams on as they come, waits as long as a call may take, and sends no POST twice', () => {
    expectProxy(text('deploy/nginx.conf'));
  });

  it('has a delay that fits into the time the container is given to stop', () => {
    const delays = [...text('deploy/nginx.conf').matchAll(/delay(?:: | of )(\d+s)/g)].map(([, delay]) => seconds(delay!));
    const { postern } = parse(text('deploy/compose.yaml'), { merge: true }).services;
    expect(delays.length).toBeGreaterThan(0);
    expect(seconds(postern.stop_grace_period)).toBeGreaterThan(shutdown(defaults.server) + Math.max(...delays));
  });
});
