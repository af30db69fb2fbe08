import type { Attendance } from '$lib/chat/attendance';
import { commands } from '../bindings';

/** Who is in class, asked of the origin by way of the program. */
export const programAttendance: Attendance = {
  list: () => commands.attendance().catch(() => null),
  sheet: () => commands.saveAttendance(),
};
