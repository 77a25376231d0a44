import { pass, type Check } from './check.ts';

export const configuration: Check = {
  name: 'configuration',
  needs: [],
  otherwise: 'Correct the setting; "Settings" in docs/reference.md says what each may be.',
  look: async (subject) => {
    const config = subject.config();
    const { ids } = subject.vault().masterKeys;
    const keys = ids.length > 1 ? `${ids.length} encryption keys` : 'one encryption key';
    return [pass(`${keys}, PUBLIC_URL ${config.PUBLIC_URL}, queue ${config.TEMPORAL_TASK_QUEUE}`)];
  },
};
