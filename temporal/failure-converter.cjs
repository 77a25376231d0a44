// CommonJS, because both the worker and the workflow bundle load this file by its path with `require`.
const { DefaultFailureConverter } = require('@temporalio/common');

/** Failure messages and stacks are payloads too: sealed by the codec like the rest. */
exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
