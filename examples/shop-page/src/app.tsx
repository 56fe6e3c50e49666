import { usePerson } from './api/client.ts';
import { Catalogue } from './catalogue/catalogue.tsx';
import { OrderPage } from './orders/order-page.tsx';
import { OrdersPage } from './orders/orders-page.tsx';
import { Header } from './parts/header.tsx';
import { Notice } from './parts/notices.tsx';
import { useRoute } from './route.ts';

export function App() {
  const person = usePerson();
  return (
    <>
      <Header />
      <Notice />
      {/* Somebody else begins with nothing of who was here before. */}
      <main key={person?.id}>
        <View />
      </main>
    </>
  );
}

function View() {
  const route = useRoute();
  const person = usePerson();
  if (route.name === 'catalogue') return <Catalogue />;
  if (!person) return <p className="empty">Sign in to see orders.</p>;
  return route.name === 'order' ? <OrderPage key={route.id} id={route.id} /> : <OrdersPage person={person} />;
}
