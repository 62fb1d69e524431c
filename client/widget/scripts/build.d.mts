import type { BuildOptions } from 'esbuild';

/** Bundles what `options` name, as one script, and gives its text. */
export function bundle(options: BuildOptions): Promise<string>;
