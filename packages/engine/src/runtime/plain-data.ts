/** What can travel: as JSON carries it, so that `setup` gives every agent the same. Undefined stays undefined. */
export const plainData = (value: unknown): unknown =>
  value === undefined ? undefined : (JSON.parse(JSON.stringify(value) ?? 'null') as unknown);

/** All users of a worker see one value: who tries to change it is told by an exception. */
export const deepFreeze = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const each of Object.values(value)) deepFreeze(each);
  return value;
};
