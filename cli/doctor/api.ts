import { errorMessage } from '../error-message.ts';
import { fail, pass, type Check } from './check.ts';

/** The API answers where PUBLIC_URL says; whether its own parts work, the other checks say. */
export const api: Check = {
  name: 'API',
  needs: ['configuration'],
  otherwise: 'Start the API (npm run api) and see that PUBLIC_URL leads to it.',
  look: async (subject, signal) => {
    const { origin } = new URL(subject.config().PUBLIC_URL);
    try {
      const answer = await fetch(`${origin}/openapi.json`, { signal, redirect: 'manual' });
      const document = (await answer.json().catch(() => null)) as { info?: { title?: string } } | null;
      if (answer.status === 200 && document?.info?.title === 'Patchbay') return [pass(`answers at ${origin}`)];
      return [
        fail(
          `${origin} answered ${answer.status}, and not as the API does`,
          'Correct PUBLIC_URL: it leads to something else.',
        ),
      ];
    } catch (error) {
      return [
        fail(
          `${origin} cannot be reached: ${signal.aborted ? 'no answer in time' : errorMessage(error)}`,
          api.otherwise,
        ),
      ];
    }
  },
};
