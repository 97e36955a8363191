export function bounceReason(o: { status: string | null; diagnostic: string; written: string; success: boolean; delayed: boolean }): { reason: string; status: string | null; replyCode: string | null } {
  return { reason: o.diagnostic, status: o.status, replyCode: null };
}
