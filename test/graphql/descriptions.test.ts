import { isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';
import { expect, it } from 'vitest';
import { domains } from '../../src/domains/index.ts';
import { buildSchema } from '../../src/graphql/schema.ts';
import { registerDomains } from '../../src/kernel/define/domain.ts';

type Described = { readonly name: string; readonly description?: string | null | undefined };

it('is a manual: the schema, every type, field, argument, enum value and directive says what it is', () => {
  const schema = buildSchema(domains, registerDomains(domains));
  const own = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'));
  const silent: string[] = [];
  const look = (path: string, things: Iterable<Described>) => {
    for (const thing of things) if (!thing.description?.trim()) silent.push(`${path}${thing.name}`);
  };
  look('', [{ name: 'the schema', description: schema.description }, ...own]);
  for (const type of own) {
    if (isEnumType(type)) look(`${type.name}.`, type.getValues());
    if (isInputObjectType(type)) look(`${type.name}.`, Object.values(type.getFields()));
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      look(`${type.name}.`, [field]);
      look(`${type.name}.${field.name}.`, field.args);
    }
  }
  for (const directive of schema.getDirectives()) {
    look('@', [directive]);
    look(`@${directive.name}.`, directive.args);
  }
  expect(silent).toEqual([]);
});
