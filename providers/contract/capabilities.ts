import type { Channel, Method } from '../../domain/channels.ts';

/**
 * The channels that a provider connects, and the methods of each; the first is the default. What else it can do shows in
 * which optional members it has.
 */
export interface Capabilities {
  channels: Readonly<Partial<Record<Channel, { methods: readonly Method[] }>>>;
}
