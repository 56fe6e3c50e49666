// The face of the product for the command line: running it, and what commands of an application build on.
export { terminalSafe } from '../text/terminal.ts';
export { catchUp } from './catch-up.ts';
export { type Cli, type CommandFactory, type Output, print, printJson, say } from './cli.ts';
export { type EngineContext, type PostgresContext, withEngine, withPostgres } from './context.ts';
export { CliError, InterruptedError } from './errors.ts';
export { startProgress } from './output/progress.ts';
export { formatCount } from './output/table.ts';
export { run } from './run.ts';
