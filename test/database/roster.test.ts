import { expect, it } from 'vitest';
import { Roster, type RosterMember } from '../../src/database/roster.ts';
import { testRandom } from '../support/random.ts';

const random = testRandom();

interface Named extends RosterMember {
  readonly name: number;
}
const named = (name: number): Named => ({ place: -1, name });

it('a roster holds who was added and not removed, in whatever order they come and go', () => {
  const roster = new Roster<Named>();
  const expected = new Set<Named>();
  for (let name = 0; name < 5000; name++) {
    const member = named(name);
    roster.add(member);
    expected.add(member);
    while (expected.size > 20 || (expected.size > 0 && name % 3 === 0)) {
      const gone = random.pick([...expected]);
      expected.delete(gone);
      expect(roster.remove(gone)).toBe(true);
      if (name % 3 === 0) break;
    }
    expect(roster.size).toBe(expected.size);
  }
  expect(new Set(roster.all())).toEqual(expected);
});

it('a roster says of a member that is not there that nothing was removed', () => {
  const roster = new Roster<Named>();
  const [ada, bob] = [named(1), named(2)];
  roster.add(ada);
  expect(roster.remove(bob)).toBe(false);
  expect(roster.remove(ada)).toBe(true);
  expect(roster.remove(ada)).toBe(false);
  roster.add(bob);
  expect(roster.remove(ada)).toBe(false);
  expect(roster.all()).toEqual([bob]);
});

it('members may be removed while all are looked at', () => {
  const roster = new Roster<Named>();
  for (let name = 0; name < 10; name++) roster.add(named(name));
  const seen = roster.all().map((member) => {
    roster.remove(member);
    return member.name;
  });
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(roster.size).toBe(0);
});
