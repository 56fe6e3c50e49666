import { Command } from 'commander';
import { readConfig, type SettingInfo, settingsWith } from '../settings/config.ts';
import { withoutCredentials } from '../text/credentials.ts';
import { type CommandFactory, print } from './cli.ts';

/** `config`: shows the settings and their meaning. */
export const configCommand: CommandFactory = (cli) =>
  new Command('config')
    .description('show every setting: its value, default and meaning; secrets are not shown')
    .addHelpText('after', '\nSettings are environment variables: `PORT=4001 npx afterwrite start`.')
    .action(() => {
      const production = cli.env.NODE_ENV?.trim() === 'production';
      for (const setting of settingsWith(cli.app.settings)) {
        print(cli, `${setting.name} = ${shownValue(setting, cli.env, production)}`);
        print(cli, `    ${setting.description} ${defaultsOf(setting)}`);
      }
      // Last, so that the settings are shown even if one of them is wrong.
      readConfig(cli.env, cli.app.settings);
    });

function shownValue({ name, secret, ...defaults }: SettingInfo, env: NodeJS.ProcessEnv, production: boolean): string {
  const given = env[name]?.trim();
  if (given) return secret ? '(set, not shown)' : withoutCredentials(given);
  return (production ? (defaults.productionDefault ?? defaults.default) : defaults.default) || '(not set)';
}

function defaultsOf({ default: byDefault, productionDefault }: SettingInfo): string {
  if (!byDefault) return 'Default: not set.';
  return `Default: ${byDefault}${productionDefault ? `, in production ${productionDefault}` : ''}.`;
}
