import type { OriginState } from '../bindings';

/** Linux keeps the ports below for the administrator's programs. */
const PORT_MIN = 1_024;
const PORT_MAX = 65_535;

/** Whether what was typed is a port that the origin can have. */
export function isPort(typed: string): boolean {
  const port = /^\d{1,5}$/.test(typed.trim()) ? Number(typed) : 0;
  return port >= PORT_MIN && port <= PORT_MAX;
}

/** The TCP port of the watch page, where it is or was to be; empty where that is not known. */
export function portOf(origin: OriginState): string {
  if (origin.type === 'running') {
    return origin.http.slice(origin.http.lastIndexOf(':') + 1);
  }
  return origin.type === 'failed' && origin.problem.type === 'port-taken' ? String(origin.problem.port) : '';
}
