import * as script from '@muster/script';
import { installRuntime, RUNTIME_KEY, SCRIPT_EXPORTS, type ScriptRuntime } from '@muster/script/internal';
import { afterEach, describe, expect, it } from 'vitest';

afterEach(() => {
  Reflect.deleteProperty(globalThis, RUNTIME_KEY);
});

describe('@muster/script', () => {
  it('exports what a bundle is given in its place, and http as the default', () => {
    expect(Object.keys(script).sort()).toEqual([...SCRIPT_EXPORTS, 'default'].sort());
    expect(script.default).toBe(script.http);
  });

  it('says where it works when it is used anywhere else', async () => {
    expect(() => script.http.get('http://127.0.0.1/')).toThrow('muster run');
    expect(() => script.check(1, {})).toThrow('muster run');
    expect(() => new script.Trend('mine').add(1)).toThrow('muster run');
    expect(() => new script.WebSocket('ws://127.0.0.1/')).toThrow('muster run');
    expect(() => script.ws.connect('ws://127.0.0.1/')).toThrow('muster run');
    expect(() => script.exec.vu).toThrow('muster run');
  });

  it('hands every call to the runtime of the agent', () => {
    class Trend {
      constructor(
        readonly name: string,
        readonly isTime: boolean,
      ) {}
      add(): void {
        added.push(this);
      }
    }
    const added: Trend[] = [];
    installRuntime({
      check: (value: number) => value > 1,
      Trend,
      exec: { agent: { id: 'a' } },
    } as unknown as ScriptRuntime);
    expect([script.check(2, {}), script.check(1, {})]).toEqual([true, false]);
    const trend = new script.Trend('mine', true);
    trend.add(3);
    trend.add(4);
    expect(trend.name).toBe('mine');
    expect(added).toMatchObject([
      { name: 'mine', isTime: true },
      { name: 'mine', isTime: true },
    ]);
    expect(added[0]).toBe(added[1]);
    expect(script.exec.agent.id).toBe('a');
  });
});
