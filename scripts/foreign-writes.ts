import { relative, resolve } from 'node:path';
import {
  type Expression,
  type Node,
  type PropertyAccessExpression,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';
import {
  isBinaryExpression,
  isDeleteExpression,
  isPostfixUnaryExpression,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
} from 'typescript/unstable/ast/is';
import { API } from 'typescript/unstable/sync';

/** An assignment to a property that another file declares. */
export interface ForeignWrite {
  /** The file and its line, as editors and terminals link it. */
  readonly at: string;
  /** The property that is written to, as in the source. */
  readonly target: string;
  readonly declaredIn: string;
}

/**
 * Finds the properties of a project's types that another file than the one that declares them writes to. The state of
 * an object can be understood only if one file changes it.
 * @param config path of a tsconfig.json.
 * @param folder only files below it are looked at, and only what they declare.
 */
export function foreignWrites(config: string, folder: string): ForeignWrite[] {
  const api = new API();
  try {
    const project = api.updateSnapshot({ openProjects: [resolve(config)] }).getProject(resolve(config));
    if (!project) throw new Error(`There is no project ${config}.`);
    const isOurs = (file: string) => !relative(resolve(folder), file).startsWith('..');
    const files = project.program.getSourceFileNames().filter(isOurs);
    return files.flatMap((name) => {
      const file = project.program.getSourceFile(name);
      const targets = file ? writtenIn(file) : [];
      if (!file || targets.length === 0) return [];
      const symbols = project.checker.getSymbolAtLocation(targets.map((target) => target.name));
      return targets.flatMap((target, index): ForeignWrite[] => {
        const declaring = symbols[index]?.declarations.map(({ path }) => path as string) ?? [];
        const [first] = declaring;
        if (first === undefined || declaring.includes(name) || !declaring.every(isOurs)) return [];
        const line = file.text.slice(0, target.name.getStart(file)).split('\n').length;
        const at = `${relative('.', name)}:${line}`;
        return [{ at, target: target.getText(file), declaredIn: relative('.', first) }];
      });
    });
  } finally {
    api.close();
  }
}

/** The properties that a file assigns to, increments or deletes. */
function writtenIn(file: SourceFile): PropertyAccessExpression[] {
  const found: PropertyAccessExpression[] = [];
  const visit = (node: Node): void => {
    const target = targetOf(node);
    if (target && isPropertyAccessExpression(target)) found.push(target);
    node.forEachChild(visit);
  };
  visit(file);
  return found;
}

function targetOf(node: Node): Expression | undefined {
  if (isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    return kind >= SyntaxKind.FirstAssignment && kind <= SyntaxKind.LastAssignment ? node.left : undefined;
  }
  if (isDeleteExpression(node)) return node.expression;
  if (isPostfixUnaryExpression(node)) return node.operand;
  if (isPrefixUnaryExpression(node)) {
    const { operator } = node;
    return operator === SyntaxKind.PlusPlusToken || operator === SyntaxKind.MinusMinusToken ? node.operand : undefined;
  }
  return undefined;
}
