import { type MusterError, RequestId } from '@muster/protocol';

/** The id of a question that does not fit its schema, when it can be answered all the same. */
export const askedId = (error: MusterError): string | null => {
  const { details } = error;
  const id = typeof details === 'object' && details !== null && 'id' in details ? details.id : undefined;
  const checked = RequestId.safeParse(id);
  return checked.success ? checked.data : null;
};
