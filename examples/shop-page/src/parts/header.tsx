import { signIn, signOut, usePerson } from '../api/client.ts';
import { PEOPLE } from '../api/people.ts';
import { hrefOf, type Route, useRoute } from '../route.ts';
import { Connection } from './connection.tsx';
import './parts.css';

export function Header() {
  const person = usePerson();
  return (
    <header className="page-header">
      <a className="brand" href={hrefOf({ name: 'catalogue' })}>
        Tea shop
      </a>
      <nav aria-label="Pages">
        <NavLink route={{ name: 'catalogue' }}>Catalogue</NavLink>
        {person && <NavLink route={{ name: 'orders' }}>{person.role === 'staff' ? 'All orders' : 'My orders'}</NavLink>}
      </nav>
      <Connection />
      <WhoIsHere />
    </header>
  );
}

function NavLink({ route, children }: { readonly route: Route; readonly children: string }) {
  const isHere = useRoute().name === route.name;
  return (
    <a href={hrefOf(route)} aria-current={isHere ? 'page' : undefined}>
      {children}
    </a>
  );
}

/** Each tab has its own person, so that a customer and the staff can be seen side by side. */
function WhoIsHere() {
  const person = usePerson();
  const change = (id: string) => {
    const next = PEOPLE.find((one) => one.id === id);
    return next ? signIn(next) : signOut();
  };
  return (
    <label className="who">
      <span>Signed in as</span>
      <select value={person?.id ?? ''} onChange={(event) => void change(event.target.value)}>
        <option value="">nobody</option>
        {PEOPLE.map(({ id, name, role }) => (
          <option key={id} value={id}>
            {name}, {role}
          </option>
        ))}
      </select>
    </label>
  );
}
