import { searchAttributes } from '../../domain/search-attributes.ts';
import { fail, pass, skip, type Check } from './check.ts';
import { grpcCode } from '../../temporal/view.ts';

/** gRPC's codes. */
const notFound = 5;
const permissionDenied = 7;
const unimplemented = 12;
const unauthenticated = 16;

export const temporal: Check = {
  name: 'Temporal',
  needs: ['configuration'],
  otherwise: 'Start Temporal, or set TEMPORAL_ADDRESS (and TEMPORAL_TLS) to where it answers.',
  look: async (subject) => {
    const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = subject.config();
    try {
      const days = await subject.temporal().retentionDays();
      return [pass(`${address}, namespace ${namespace}, keeps closed runs for ${Math.round(days * 10) / 10} days`)];
    } catch (error) {
      const code = grpcCode(error);
      if (code === notFound)
        return [
          fail(
            `${address} has no namespace ${namespace}`,
            `Set TEMPORAL_NAMESPACE, or make it: temporal operator namespace create -n ${namespace}`,
          ),
        ];
      if (code === permissionDenied || code === unauthenticated)
        return [fail(`${address} refuses us`, 'Set TEMPORAL_API_KEY to a key that may use the namespace.')];
      return [fail(`${address} does not answer`, temporal.otherwise)];
    }
  },
};

export const searchAttributesCheck: Check = {
  name: 'search attributes',
  needs: ['Temporal'],
  otherwise: 'Ask again when Temporal answers.',
  look: async (subject) => {
    const names = Object.values(searchAttributes).map(({ name }) => name);
    const make = (name: string): string =>
      `temporal operator search-attribute create -n ${subject.config().TEMPORAL_NAMESPACE} --name ${name} --type Keyword`;
    try {
      const known = await subject.temporal().searchAttributes();
      const lacking = names.filter((name) => !known.includes(name));
      if (!lacking.length) return [pass(`${names.length} registered`)];
      return [
        fail(`lacking: ${lacking.join(', ')}`, `Start a worker, which makes them, or: ${make(lacking[0] ?? '')} …`),
      ];
    } catch (error) {
      const code = grpcCode(error);
      if (code !== permissionDenied && code !== unimplemented) throw error;
      return [skip('this Temporal does not tell (Temporal Cloud does not)', `See that it lists ${names.join(', ')}.`)];
    }
  },
};
