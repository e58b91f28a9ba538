//! The Board: where is everything, and what needs me?

use contract::{
    PageRequest,
    board::{
        BoardCell as Cell, BoardGroup as Group, BoardQuery, BoardRow as Row, BoardSort, BoardState, BoardView,
        EnvironmentHead,
    },
};
use domain::actor::Act;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Form, hooks::use_query_map};

use crate::{
    commands,
    components::{
        Ahead, Board, BoardCell, BoardColumn, BoardGroup, BoardRow, ButtonLink, Card, EmptyState, FilterBreak,
        FilterChip, FilterCount, Filters, Glyph, Kind, Menu, MenuItem, PageHead, Pager, Sentence, Show, State, Time,
        words::plural,
    },
    live,
    page::{Rights, page_of},
    routes, server_fns,
};

/// The Board.
#[component]
pub fn BoardPage() -> impl IntoView {
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(routes::read_board));
    let changes = live::use_changes(|_| true);
    let data = Resource::new(move || (query.get(), changes.get()), |(query, _)| server_fns::board::board(query));
    view! {
        <Title text="Board" />
        {page_of(data, board_view)}
    }
    .into_any()
}

fn board_view(view: BoardView, rights: Rights) -> AnyView {
    let promote = rights.may(Act::RequestPromotion).then(|| {
        view! {
            <ButtonLink href=routes::promote(None, None, None) kind=Kind::Primary>
                "Promote a version"
            </ButtonLink>
        }
    });
    let sorted = match view.query.sort {
        BoardSort::Need => "sorted by what needs a person",
        BoardSort::Name => "sorted by team and name",
        BoardSort::Age => "sorted by what changed last",
    };
    let lead = format!("{} of {} · {sorted}", view.total, plural(view.services, "service", "services"));
    if view.services == 0 {
        return view! {
            <PageHead title=|| "Board" />
            {first_steps(&view, &rights)}
        }
        .into_any();
    }
    view! {
        <PageHead title=|| "Board" lead=move || lead>
            {promote}
        </PageHead>
        {filters(&view)}
        {if view.groups.is_empty() { nothing_matches() } else { table(view, &rights) }}
    }
    .into_any()
}

/// What an empty Slipway needs, in the order in which it is needed.
fn first_steps(view: &BoardView, rights: &Rights) -> AnyView {
    if view.environments.is_empty() {
        let acts = rights.may(Act::ManageEnvironments);
        return view! {
            <Card>
                <EmptyState
                    glyph=Glyph::Board
                    title="Nothing to show yet"
                    words="Slipway shows which version of each service runs in which environment. Begin with the environments: development, staging, production, in the order in which versions pass through them."
                    acts=move || first_environment(acts)
                />
            </Card>
        }
        .into_any();
    }
    let can_connect = rights.may(Act::ManageClusters);
    let can_add = rights.may(Act::ManageServices);
    view! {
        <Card>
            <EmptyState
                glyph=Glyph::Cube
                title="No services yet"
                words="Connect a cluster and take over the Deployments that run there, or add a service by hand. Then your pipeline reports its versions:"
                command=commands::register_version("cart")
                acts=move || {
                    view! {
                        {can_connect
                            .then(|| {
                                view! {
                                    <ButtonLink
                                        href=routes::settings(routes::Settings::Clusters)
                                        kind=Kind::Primary
                                    >
                                        "Connect a cluster"
                                    </ButtonLink>
                                }
                            })}
                        {can_add
                            .then(|| view! { <ButtonLink href=routes::NEW_SERVICE>"Add a service"</ButtonLink> })}
                    }
                }
            />
        </Card>
    }
    .into_any()
}

fn first_environment(may_add: bool) -> AnyView {
    if may_add {
        view! {
            <ButtonLink href=routes::settings(routes::Settings::Environments) kind=Kind::Primary>
                "Add an environment"
            </ButtonLink>
        }
        .into_any()
    } else {
        view! { <p class="note">"An admin can add them under Settings."</p> }.into_any()
    }
}

fn nothing_matches() -> AnyView {
    view! {
        <Card>
            <EmptyState
                glyph=Glyph::Filter
                title="No service matches"
                words="The filters leave nothing over."
                acts=|| view! { <ButtonLink href=routes::HOME>"Show all"</ButtonLink> }
            />
        </Card>
    }
    .into_any()
}

fn with(query: &BoardQuery, change: impl FnOnce(&mut BoardQuery)) -> String {
    let mut query = query.clone();
    query.page = PageRequest { page: 1, ..query.page };
    change(&mut query);
    routes::board(&query)
}

fn filters(view: &BoardView) -> AnyView {
    let query = view.query.clone();
    let count = |state: BoardState, mark: State, count: u64, word: &'static str| {
        let on = query.state == Some(state);
        let href = with(&query, |query| query.state = (!on).then_some(state));
        view! { <FilterCount state=mark count word href on /> }
    };
    let differences = query.only_differences;
    let counts = view! {
        {count(BoardState::Moving, State::Moving, view.counts.moving, "moving")}
        {count(BoardState::Waiting, State::Waiting, view.counts.waiting, "waiting")}
        {count(BoardState::Failed, State::Failed, view.counts.failed, "failed")}
        {count(BoardState::ChangedByOthers, State::Nothing, view.counts.changed_by_others, "changed by others")}
    };
    let toggle = with(&query, |query| query.only_differences = !differences);
    let (teams, tiers, sorts, name) = (team_menu(view), tier_menu(&query), sort_menu(&query), name_filter(&query));
    view! {
        <Filters label="Filter services">
            {counts}
            <FilterBreak />
            {teams}
            {tiers}
            <FilterChip href=toggle on=differences>
                "Only differences"
            </FilterChip>
            {sorts}
            {name}
        </Filters>
    }
    .into_any()
}

fn team_menu(view: &BoardView) -> AnyView {
    let query = &view.query;
    let chosen = query
        .team
        .as_ref()
        .map(|name| view.teams.iter().find(|team| team.name == *name).map_or(name.clone(), |team| team.title.clone()));
    let items = view
        .teams
        .iter()
        .map(|team| {
            let href = with(query, |query| query.team = Some(team.name.clone()));
            let title = team.title.clone();
            view! { <MenuItem href>{title}</MenuItem> }
        })
        .collect_view();
    let label = format!("Team: {}", chosen.as_deref().unwrap_or("any"));
    let any = with(query, |query| query.team = None);
    view! {
        <Menu label glyph=Glyph::People glyph_only=false start=true group="filter">
            <MenuItem href=any>"Any team"</MenuItem>
            {items}
        </Menu>
    }
    .into_any()
}

fn tier_menu(query: &BoardQuery) -> AnyView {
    let label = query.tier.map_or_else(|| "Tier: any".to_owned(), |tier| format!("Tier: {tier}"));
    let any = with(query, |query| query.tier = None);
    let items = (1..=3_u8)
        .map(|tier| {
            let href = with(query, |query| query.tier = Some(tier));
            view! { <MenuItem href>{format!("Tier {tier}")}</MenuItem> }
        })
        .collect_view();
    view! {
        <Menu label glyph=Glyph::Layers glyph_only=false start=true group="filter">
            <MenuItem href=any>"Any tier"</MenuItem>
            {items}
        </Menu>
    }
    .into_any()
}

fn sort_menu(query: &BoardQuery) -> AnyView {
    let word = |sort: BoardSort| match sort {
        BoardSort::Need => "need",
        BoardSort::Name => "name",
        BoardSort::Age => "last change",
    };
    let items = routes::BOARD_SORTS
        .into_iter()
        .map(|sort| {
            let href = with(query, |query| query.sort = sort);
            view! { <MenuItem href>{format!("By {}", word(sort))}</MenuItem> }
        })
        .collect_view();
    view! {
        <Menu label=format!("Sort: {}", word(query.sort)) glyph=Glyph::Lines glyph_only=false start=true group="filter">
            {items}
        </Menu>
    }
    .into_any()
}

/// The other filters go along as hidden fields.
fn name_filter(query: &BoardQuery) -> AnyView {
    let rest = with(query, |query| query.text = None);
    let hidden = crate::pages::parts::hidden_of(&rest);
    let text = query.text.clone().unwrap_or_default();
    view! {
        <Form method="GET" action=routes::HOME attr:class="form-inline" attr:role="search">
            {hidden}
            <input
                class="input"
                type="search"
                name="q"
                value=text
                placeholder="Name"
                aria-label="Only services whose name has"
            />
        </Form>
    }
    .into_any()
}

fn table(view: BoardView, rights: &Rights) -> AnyView {
    let columns: Vec<_> = view
        .environments
        .iter()
        .map(|environment| BoardColumn {
            name: environment.title.clone(),
            note: if environment.is_practice { "practice".to_owned() } else { String::new() },
            href: None,
        })
        .collect();
    let span = columns.len() + 1;
    let groups =
        view.groups.into_iter().map(|group| group_view(group, &view.environments, span, rights)).collect_view();
    let request = view.query.page;
    let total_pages = view.total.div_ceil(u64::from(request.size.max(1))).max(1);
    let page_link = |page: u32| {
        let mut query = view.query.clone();
        query.page.page = page;
        routes::board(&query)
    };
    let pager = (total_pages > 1).then(|| {
        let words = format!("page {} of {total_pages}, {}", request.page, plural(view.total, "service", "services"));
        let previous = (request.page > 1).then(|| page_link(request.page - 1));
        let next = (u64::from(request.page) < total_pages).then(|| page_link(request.page + 1));
        view! { <Pager words previous next /> }
    });
    view! {
        <Board caption="Services by team, environments side by side" columns>
            {groups}
        </Board>
        {pager}
    }
    .into_any()
}

fn group_view(group: Group, environments: &[EnvironmentHead], span: usize, rights: &Rights) -> AnyView {
    let rows = group.rows.into_iter().map(|row| row_view(row, environments, rights)).collect_view();
    view! {
        <BoardGroup name=group.team span>
            {rows}
        </BoardGroup>
    }
    .into_any()
}

fn row_view(row: Row, environments: &[EnvironmentHead], rights: &Rights) -> AnyView {
    let service = row.service;
    let cells = environments
        .iter()
        .zip(row.cells)
        .map(|(environment, cell)| match cell {
            Some(cell) => cell_view(&service, environment, cell, rights),
            None => view! {
                <td role="cell" data-label=environment.title.clone()>
                    <span class="board-none">
                        "–" <span class="hidden-visually">"not deployed there"</span>
                    </span>
                </td>
            }
            .into_any(),
        })
        .collect_view();
    view! {
        <BoardRow name=service.clone() href=routes::service(&service) note=format!("tier {}", row.tier)>
            {cells}
        </BoardRow>
    }
    .into_any()
}

fn cell_view(service: &str, environment: &EnvironmentHead, cell: Cell, rights: &Rights) -> AnyView {
    let href = match (&cell.version, cell.is_known) {
        (Some(version), true) => Some(routes::version(service, version)),
        _ => None,
    };
    let ahead = cell.ahead.as_ref().map(|ahead| Ahead {
        words: format!("{} ahead · {}", ahead.versions, plural(ahead.commits, "commit", "commits")),
        href: routes::compare(service, Some(&ahead.from), &ahead.to),
    });
    let share = cell.percent.map(|percent| f64::from(percent) / 100.0);
    let menu = cell_menu(service, environment, &cell, rights);
    let state = State::from(cell.mark);
    let version = cell.version.clone();
    view! {
        <BoardCell
            column=environment.title.clone()
            state
            version
            href
            reason=move || reason(cell)
            ahead
            share
            menu=move || menu
        />
    }
    .into_any()
}

/// Why it is as it is; when all is quiet, how many pods and since when.
fn reason(cell: Cell) -> AnyView {
    if cell.version.is_none() && cell.reason.is_none() {
        return "nothing runs yet".into_any();
    }
    let words = match (cell.reason, cell.promotion) {
        (Some(words), Some(number)) => {
            view! { <a class="link-plain" href=routes::promotion(number)><Sentence words /></a> }.into_any()
        }
        (Some(words), None) => view! { <Sentence words /> }.into_any(),
        (None, _) => match cell.pods {
            Some((ready, wanted)) if ready == wanted => plural(u64::from(wanted), "pod", "pods").into_any(),
            Some((ready, wanted)) => format!("{ready} of {wanted} pods").into_any(),
            None => ().into_any(),
        },
    };
    let has_words = cell.pods.is_some() || cell.promotion.is_some();
    let since = cell.since.map(|at| {
        view! {
            {has_words.then_some(" · ")}
            <Time at show=Show::Age />
        }
    });
    view! { {words} {since} }.into_any()
}

fn cell_menu(service: &str, environment: &EnvironmentHead, cell: &Cell, rights: &Rights) -> AnyView {
    let name = &environment.name;
    let promote = cell.promotable.as_ref().filter(|_| rights.may(Act::RequestPromotion)).map(|label| {
        let href = routes::promote(Some(service), Some(name), Some(label));
        view! { <MenuItem href glyph=Glyph::ArrowRight>{format!("Promote {label} here")}</MenuItem> }
    });
    let other = rights.may(Act::RequestPromotion).then(|| {
        let href = routes::promote(Some(service), Some(name), None);
        view! { <MenuItem href glyph=Glyph::Plus>"Promote a version here"</MenuItem> }
    });
    let back = cell.can_roll_back.then(|| {
        let href = routes::roll_back(service, name, None);
        view! { <MenuItem href glyph=Glyph::Undo danger=true>"Roll back"</MenuItem> }
    });
    let promotion = cell.promotion.map(|number| {
        view! {
            <MenuItem href=routes::promotion(number) glyph=Glyph::Eye>
                {format!("Promotion {number}")}
            </MenuItem>
        }
    });
    let (page, open) = (routes::service(service), format!("Open {service}"));
    view! {
        <Menu label=format!("Acts on {service} in {}", environment.title)>
            {promote}
            {other}
            {back}
            {promotion}
            <MenuItem href=page glyph=Glyph::Cube>
                {open}
            </MenuItem>
        </Menu>
    }
    .into_any()
}
