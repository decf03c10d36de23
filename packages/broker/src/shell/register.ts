import { decodeOriginal, type Frame, MusterError, RegisterInfo, readRegister } from '@muster/protocol';

/** What came on the register socket, as a line for the log; agents of the original can't work for this broker yet. */
export const readRegistration = (frames: readonly Frame[]): { readonly ok: boolean; readonly text: string } => {
  try {
    const { verb, body } = readRegister(frames);
    const agent =
      verb === 'REGISTER' ? nameOf(decodeOriginal(RegisterInfo, body)) : body.toString('utf8').slice(0, 200);
    return { ok: true, text: `${verb} of an agent of the original, ${agent}: this version ignores it` };
  } catch (thrown) {
    return { ok: false, text: MusterError.from(thrown).message };
  }
};

const nameOf = (info: RegisterInfo): string =>
  (typeof info === 'object' ? (info.agent_id ?? `${info.hostname ?? 'unknown'}-${info.pid}`) : String(info)).slice(
    0,
    200,
  );
