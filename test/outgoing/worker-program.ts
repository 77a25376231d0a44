import { loadConfig, openContext } from '../../services/boot.ts';
import { startDelivering } from '../../services/outgoing/deliver-events.ts';

/** The part of a worker that delivers, as a process that can be killed. */
const { context } = await openContext(loadConfig(process.env), {
  name: 'worker',
  database: { pool: { app: 3, system: 3 } },
});
startDelivering(context);
process.stdout.write('delivers\n');
