/** The page that shows a user how far the deletion is that they asked their provider for. `code` is one of ours. */
export const deletionPage = (code: string, requestedAt: Date, isDone: boolean): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Deletion of your data</title>
  </head>
  <body>
    <main>
      <h1>Deletion of your data</h1>
      <p>${
        isDone
          ? 'Your accounts are disconnected, and what was stored of them is deleted.'
          : 'Your accounts are being disconnected, and what is stored of them is being deleted. Open this page again later.'
      }</p>
      <p>Requested on ${requestedAt.toISOString().slice(0, 10)}. Confirmation code: ${code}</p>
    </main>
  </body>
</html>
`;
