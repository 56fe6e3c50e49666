/** What went wrong, said at once. */
export function Failure({ children }: { readonly children: string | undefined }) {
  return (
    <p className="failure" role="alert">
      {children}
    </p>
  );
}
