import { connect } from '@muster/client';
import { startCluster } from '@muster/cluster';
import { expect, it } from 'vitest';

const signedOn = async (endpoint: string, count: number) => {
  await using muster = await connect(endpoint, { timeoutMs: 15_000 });
  await muster.waitForAgents(count, { timeoutMs: 30_000 });
  return (await muster.agents()).filter((agent) => agent.state !== 'lost').map((agent) => agent.node);
};

it('a cluster loses its broker and an agent, and has them again', async () => {
  await using cluster = await startCluster({ agents: 2 });
  expect((await signedOn(cluster.endpoint, 2)).sort()).toEqual(['agent-0', 'agent-1']);
  await cluster.killBroker();
  await expect(connect(cluster.endpoint, { timeoutMs: 500 })).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
  await cluster.restartBroker();
  expect(await signedOn(cluster.endpoint, 2)).toHaveLength(2);
  await cluster.killAgent(1);
  await cluster.startAgent(1);
  while (!(await signedOn(cluster.endpoint, 2)).includes('agent-1'));
  expect(cluster.agentPids).toHaveLength(2);
  expect(cluster.logs()).toContain('agent-1|');
  await cluster.stop();
  for (const pid of cluster.agentPids) expect(() => process.kill(pid, 0)).toThrow();
}, 90_000);
