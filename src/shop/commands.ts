import type { CommandFactory } from '../cli/index.ts';
import { demoCommand } from './demo/demo-command.ts';
import { importCommand } from './import/import-command.ts';
import { gatewayCommand } from './payments/gateway-command.ts';

/** The shop's own commands for the command line. */
export const commands: readonly CommandFactory[] = [demoCommand, importCommand, gatewayCommand];
