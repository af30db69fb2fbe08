import { ask } from '$lib/api/client';
import type { Attendance } from '$lib/chat/attendance';

/** Who is in a room's class, asked of its origin. */
export function classOf(room: string): Attendance {
  return {
    list: async () => {
      const answer = await ask('GET', '/api/v1/rooms/{room}/attendance', { path: { room } });
      return answer.ok ? answer.value.people : null;
    },
    sheet: `/api/v1/rooms/${encodeURIComponent(room)}/attendance.csv`,
  };
}
