/** The parts of the editor's side that are made when they are first used: panels, views, editors. */
import type { Comparisons } from './comparison/comparisons';
import type { ConvertPanels } from './convert/convertPanels';
import type * as engineEditor from './engine/engineEditor';
import { once } from './once';
import type { Services } from './services';

export interface Parts {
  readonly convertPanels: () => Promise<ConvertPanels>;
  readonly comparisons: () => Promise<Comparisons>;
  readonly engines: () => Promise<Pick<typeof engineEditor, 'showEngine'>>;
}

export function createParts(services: Services): Parts {
  const convertPanels = once(async () => {
    const { ConvertPanels } = await import('./convert/convertPanels');
    const { announceRun } = await import('./runs/announceRun');
    const panels = new ConvertPanels(services);
    const conversions = await services.conversions();
    conversions.setEndHandler((run) => {
      announceRun(run, (action) => panels.act(run, action)).then(undefined, (error: unknown) =>
        services.log.error(String(error)),
      );
    });
    return panels;
  });
  const comparisons = once(async () => {
    const { Comparisons } = await import('./comparison/comparisons');
    return new Comparisons(services, await services.history());
  });
  return { convertPanels, comparisons, engines: () => import('./engine/engineEditor') };
}
