/**
 * The one wrapper around zeromq: a send queue and a receive loop per socket, bounded both ways, closed by its owner.
 * Imported by nothing else directly.
 *
 * @packageDocumentation
 */
export type { SocketKind } from './make-socket.js';
export { openSocket, type Socket, type SocketOptions } from './socket.js';
