/** The places of a worker for requests that are under way. */
export interface Slots {
  /** Takes a place for an endpoint. False where there is none for it. */
  take(endpointId: string): boolean;
  give(endpointId: string): void;
  /** Endpoints for which there was no place since this was asked last. */
  wanting(): string[];
  free(): number;
}

/** An endpoint leaves this share of the places that others have left. */
const left = 0.2;

/** `most` requests at once. However many endpoints do not answer, some places are free for the next one. */
export function createSlots(most: number): Slots {
  const taken = new Map<string, number>();
  const refused = new Set<string>();
  let all = 0;
  return {
    take: (endpointId) => {
      const own = taken.get(endpointId) ?? 0;
      const share = Math.max(1, Math.floor((most - (all - own)) * (1 - left)));
      if (all >= most || own >= share) {
        refused.add(endpointId);
        return false;
      }
      taken.set(endpointId, own + 1);
      all += 1;
      return true;
    },
    give: (endpointId) => {
      const own = (taken.get(endpointId) ?? 1) - 1;
      if (own > 0) taken.set(endpointId, own);
      else taken.delete(endpointId);
      all -= 1;
    },
    wanting: () => {
      const those = [...refused];
      refused.clear();
      return those;
    },
    free: () => most - all,
  };
}
