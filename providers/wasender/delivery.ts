import type { DeliveryStatus } from '../../domain/seen-messages.ts';

/** By the number that WASender documents. */
const deliveries: readonly DeliveryStatus[] = ['failed', 'pending', 'sent', 'delivered', 'read', 'played'];

/** A status as a number or a word; null for any other. */
export function deliveryOf(said: string | null): DeliveryStatus | null {
  const status = said?.slice(0, 20).toLowerCase() ?? '';
  if (/^[0-5]$/.test(status)) return deliveries[Number(status)] ?? null;
  return status === 'error' ? 'failed' : (deliveries.find((one) => one === status) ?? null);
}
