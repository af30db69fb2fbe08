// Requests about gifts and points.
import { type Answer, ask } from '../accounts/api';

/** One kind of gift. */
export interface Gift {
  id: string;
  name: string;
  /** For people who read Chinese; absent: `name` is for everybody. */
  name_zh?: string | null;
  emoji: string;
  points: number;
}

export interface Catalogue {
  /** Cheapest first. */
  gifts: Gift[];
  /** What a minute of watching earns; 0 for nothing. */
  watch_points_per_minute: number;
}

export interface Wallet {
  points: number;
}

export const readCatalogue = (): Promise<Answer<Catalogue>> => ask('GET', '/api/v1/gifts');
export const readWallet = (): Promise<Answer<Wallet>> => ask('GET', '/api/v1/account/wallet');
