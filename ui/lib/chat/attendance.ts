/** Somebody of a class: who is here, who left, and who of the class list did not come. */
export interface Attendee {
  name: string;
  id: string | null;
  state: 'here' | 'left' | 'missing';
  /** Unix milliseconds. */
  joined_ms: number | null;
  left_ms: number | null;
  present_s: number;
}

/** How a page finds out who is in class, and where the list can be saved. */
export interface Attendance {
  /** `null` when it cannot be had. */
  list(): Promise<Attendee[] | null>;
  /** Where the list is downloaded, or what saves it and tells the file. */
  sheet: string | (() => Promise<string>);
}
