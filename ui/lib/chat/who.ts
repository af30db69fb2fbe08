/** Who may write in a chat, as the origin names it. */
export const WHO = ['everyone', 'signed_in', 'followers', 'nobody'] as const;
