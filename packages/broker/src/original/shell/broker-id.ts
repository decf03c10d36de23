/**
 * The broker's routing id on the backend. Agents of the original answer to the name that they read in a message, and
 * their library remembers the first name that a broker at this address had: so it is the same after a restart.
 */
export const BROKER_ID = 'muster-broker';
