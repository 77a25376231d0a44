import { createLimits, type Limits } from '../server/limits.ts';
import type { Shared } from '../server/shared.ts';
import { createVariants, type Variants } from '../server/variants.ts';
import type {
  App,
  Asset,
  InstagramAccount,
  LoginCode,
  Message,
  Page,
  Person,
  PhoneNumber,
  StoredMedia,
  Thread,
  Token,
  Waba,
} from './types.ts';
import { metaVariants, type MetaVariants } from './variants.ts';
import { addWhatsapp } from './whatsapp/accounts.ts';

/** Where a message or a thread is. */
export interface ThreadRef {
  asset: Asset;
  thread: Thread;
}
interface MessageRef extends ThreadRef {
  message: Message;
}

/** All of it outlives the process. */
export interface World {
  /** By user name. */
  people: Map<string, Person>;
  pages: Map<string, Page>;
  instagrams: Map<string, InstagramAccount>;
  wabas: Map<string, Waba>;
  numbers: Map<string, PhoneNumber>;
  threads: Map<string, ThreadRef>;
  messages: Map<string, MessageRef>;
  tokens: Map<string, Token>;
  codes: Map<string, LoginCode>;
  apps: Map<string, App>;
  media: Map<string, StoredMedia>;
  nextId: number;
}

export interface State {
  shared: Shared;
  variants: Variants<MetaVariants>;
  limits: Limits;
  world: World;
  /** Scheme, host and port of the latest API call: where addresses of files lead. */
  origin: string;
}

export function createState(shared: Shared): State {
  const state: State = {
    shared,
    variants: createVariants(metaVariants),
    limits: createLimits(shared.clock),
    world: emptyWorld(),
    origin: 'http://127.0.0.1',
  };
  addWhatsapp(state);
  return state;
}

export function clearState(state: State): void {
  state.limits.reset();
  state.world = emptyWorld();
  addWhatsapp(state);
}

function emptyWorld(): World {
  return {
    people: new Map(),
    pages: new Map(),
    instagrams: new Map(),
    wabas: new Map(),
    numbers: new Map(),
    threads: new Map(),
    messages: new Map(),
    tokens: new Map(),
    codes: new Map(),
    apps: new Map(),
    media: new Map(),
    nextId: 1,
  };
}

/** A Page, an Instagram account (by either id) or a number. */
export function findAsset({ world }: State, id: string): Asset | null {
  return world.pages.get(id) ?? findInstagram(world, id) ?? world.numbers.get(id) ?? null;
}

function findInstagram(world: World, id: string): InstagramAccount | undefined {
  return world.instagrams.get(id) ?? [...world.instagrams.values()].find(({ appScopedId }) => appScopedId === id);
}

/** Digits that no other object has. */
export function newId(state: State, prefix: string): string {
  return `${prefix}${String(state.world.nextId++).padStart(10, '0')}`;
}
