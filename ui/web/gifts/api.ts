// Requests about gifts and points.
import { type Answer, ask, type Schemas } from '$lib/api/client';

export type Gift = Schemas['Gift'];
export type Catalogue = Schemas['GiftsAnswer'];
export type Wallet = Schemas['WalletAnswer'];

export const readCatalogue = (): Promise<Answer<Catalogue>> => ask('GET', '/api/v1/gifts');
export const readWallet = (): Promise<Answer<Wallet>> => ask('GET', '/api/v1/account/wallet');
