import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { devSignIn } from './dev/sign-in.ts';

const client = fileURLToPath(new URL('../../client/src', import.meta.url));
/** Packages that the client of this repository shares with the page: of each there must be one copy. */
const shared = ['@apollo/client', 'graphql', 'graphql-ws', 'rxjs'];

export default defineConfig({
  plugins: [react(), devSignIn(process.env.AUTH_JWT_SECRET)],
  resolve: {
    // In a project of your own: npm install @afterwrite/client.
    alias: [
      { find: /^@afterwrite\/client$/, replacement: `${client}/index.ts` },
      { find: /^@afterwrite\/client\/(\w+)$/, replacement: `${client}/$1.ts` },
    ],
    dedupe: shared,
  },
  // All at the first start: if Vite finds one later, it reloads the page.
  optimizeDeps: {
    include: [...shared, '@apollo/client/react', '@apollo/client/utilities', 'react', 'react-dom/client'],
  },
  server: { fs: { allow: ['.', client] } },
});
