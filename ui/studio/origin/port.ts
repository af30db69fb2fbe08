/** Linux keeps the ports below for the administrator's programs. */
const PORT_MIN = 1_024;
const PORT_MAX = 65_535;

/** Whether what was typed is a port that the origin can have. */
export function isPort(typed: string): boolean {
  const port = /^\d{1,5}$/.test(typed.trim()) ? Number(typed) : 0;
  return port >= PORT_MIN && port <= PORT_MAX;
}
