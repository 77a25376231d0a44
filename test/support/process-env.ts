/** What a process of ours gets besides its settings. The run's cache of compiled code halves its start. */
export const processEnv = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE };
