import { defineDomain } from '../../index.ts';
import { productsGraphql } from './graphql.ts';
import { changeProductPrice, Product, receiveStock, registerProduct } from './product.ts';
import { products } from './read-models.ts';

export {
  changeProductPrice,
  Product,
  receiveStock,
  registerProduct,
  StockReleased,
  StockReserved,
  StockShipped,
} from './product.ts';
export { products } from './read-models.ts';
export { releaseStock, reserveStock, shipStock } from './stock.ts';

export const productsDomain = defineDomain({
  name: 'products',
  aggregates: [Product],
  commands: [registerProduct, changeProductPrice, receiveStock],
  projections: [products],
  graphql: productsGraphql,
});
