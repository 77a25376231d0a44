import { statSync } from 'node:fs';
import Sequencer from '@jest/test-sequencer';

/**
 * Seconds of the files that take longest. Rough: only their order counts.
 *
 * @type {Record<string, number>}
 */
const slowFiles = {
  'soak/soak': 105,
  'cli/doctor': 80,
  'messages/kills': 60,
  'messages/send-kills': 60,
  'messages/fair-sends': 55,
  'db/plans': 55,
  'bench/webhooks': 50,
  'bench/migrations': 45,
  'security/canaries': 45,
  'e2e/details': 50,
  'contacts/sweeps': 50,
  'e2e/wasender': 50,
  'security/erasure-ledger': 50,
  'cli/commands': 50,
  'contacts/sync': 45,
  'e2e/connect': 45,
  'e2e/side-by-side': 45,
  'security/rotation': 40,
  'e2e/reconcile': 40,
  'e2e/kill': 40,
  'e2e/temporal-server': 40,
  'cli/connect': 40,
  'cli/contacts': 40,
  'e2e/contacts-api-syncs': 40,
  'deploy/roles': 38,
  'ui/history': 35,
  'e2e/rebuild': 35,
  'dev/demo': 35,
  'deploy/readme': 35,
  'api/bad-input': 30,
  'contacts/kills': 30,
  'deploy/rolling-upgrade': 70,
  'bulk/kills': 60,
  'visits/fleet': 60,
  'bench/sweep': 60,
  'bench/analytics': 55,
  'bench/events': 45,
  'bench/contacts': 40,
  'db/reading-plans': 35,
  'security/failures': 30,
};

/** Long files first, so that no worker is left with one of them at the end while the others have nothing to do. */
export default class LongFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path, context }) => {
      const name = path.slice(`${context.config.rootDir}/test/`.length).replace(/\.test\.ts$/, '');
      return slowFiles[name] ?? statSync(path).size / 1_000_000;
    };
    const ranks = new Map(tests.map((test) => [test, rank(test)]));
    return tests.toSorted((one, other) => ranks.get(other) - ranks.get(one));
  }
}
