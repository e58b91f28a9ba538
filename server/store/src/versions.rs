//! Versions with their images and checks. A version never changes, but for its checks.

use chrono::{DateTime, Utc};
use domain::{
    ids::{ServiceId, VersionId},
    image::{Digest, Image, TagAlone},
    names::ContainerName,
    version::{Check, CheckCounts, Commit, CommitHash, Verdict, VersionFlags, VersionImage, VersionLabel, WebLink},
};

use crate::{
    Entity, Page, Paging, Read, StoreError, Tx,
    columns::{record, word},
    connection::{execute, fetch_all, fetch_one, fetch_optional},
    paging::COUNTED,
    statements::statements,
};

/// A version as it is registered.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVersion {
    /// Identity.
    pub id: VersionId,
    /// The service.
    pub service: ServiceId,
    /// Its label, unique within the service.
    pub label: VersionLabel,
    /// The commit that it was built from, when it is known.
    pub commit: Option<CommitHash>,
    /// What is special about it.
    pub flags: VersionFlags,
    /// Its images, one or one for each component.
    pub images: Vec<VersionImage>,
    /// Commits since the version before, as reported; newest first.
    pub commits: Vec<Commit>,
    /// Checks known so far.
    pub checks: Vec<Check>,
    /// When it was built.
    pub created_at: DateTime<Utc>,
    /// Who registered it, as shown.
    pub registered_by: String,
}

record! {
    struct VersionColumns {
        id: VersionId,
        service_id: ServiceId,
        label: VersionLabel,
        ordinal: i64,
        commit_hash: Option<CommitHash>,
        commits_new: i64,
        commits_total: i64,
        is_hotfix: bool,
        has_irreversible_migration: bool,
        created_at: DateTime<Utc>,
        registered_by: String,
    }
}

/// A version.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Identity.
    pub id: VersionId,
    /// The service.
    pub service: ServiceId,
    /// Its label.
    pub label: VersionLabel,
    /// Its place among the versions of the service, from 1 without gaps: the difference of two
    /// places is the number of versions between.
    pub ordinal: i64,
    /// The commit that it was built from.
    pub commit: Option<CommitHash>,
    /// Commits that no version of the service had before.
    pub commits_new: i64,
    /// Such commits of this and all earlier versions: the difference of two is the number of
    /// commits between.
    pub commits_total: i64,
    /// What is special about it.
    pub flags: VersionFlags,
    /// When it was built.
    pub created_at: DateTime<Utc>,
    /// Who registered it, as shown.
    pub registered_by: String,
}

/// A version in a list, with its checks.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionRow {
    /// The version.
    pub version: Version,
    /// Its checks by name.
    pub checks: Vec<Check>,
}

impl From<VersionColumns> for Version {
    fn from(row: VersionColumns) -> Self {
        Self {
            id: row.id,
            service: row.service_id,
            label: row.label,
            ordinal: row.ordinal,
            commit: row.commit_hash,
            commits_new: row.commits_new,
            commits_total: row.commits_total,
            flags: VersionFlags {
                is_hotfix: row.is_hotfix,
                has_irreversible_migration: row.has_irreversible_migration,
            },
            created_at: row.created_at,
            registered_by: row.registered_by,
        }
    }
}

record! {
    struct ImageColumns {
        component: Option<ContainerName>,
        repository: String,
        tag: Option<String>,
        digest: Option<Digest>,
    }
}

record! {
    struct CheckColumns {
        version_id: VersionId,
        name: String,
        verdict: Verdict,
        link: Option<WebLink>,
        tests_run: Option<u32>,
        tests_failed: Option<u32>,
        critical: Option<u32>,
        high: Option<u32>,
        medium: Option<u32>,
        low: Option<u32>,
    }
}

impl From<CheckColumns> for Check {
    fn from(row: CheckColumns) -> Self {
        let counts = CheckCounts {
            tests_run: row.tests_run,
            tests_failed: row.tests_failed,
            critical: row.critical,
            high: row.high,
            medium: row.medium,
            low: row.low,
        };
        Self { name: row.name, verdict: row.verdict, link: row.link, counts }
    }
}

macro_rules! columns {
    () => {
        "v.id, v.service_id, v.label, v.ordinal, v.commit_hash, v.commits_new, v.commits_total, v.is_hotfix,
         v.has_irreversible_migration, v.created_at, v.registered_by"
    };
}

const LAST: &str = "
    SELECT ordinal, commits_total FROM versions WHERE service_id = $1 ORDER BY ordinal DESC LIMIT 1";

const INSERT: &str = "
    INSERT INTO versions (id, service_id, label, label_search, ordinal, commit_hash, commits_new, commits_total,
        is_hotfix, has_irreversible_migration, created_at, registered_by)
    VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)";

const SET_COMMITS: &str = "
    UPDATE versions SET commits_new = $2, commits_total = commits_total + $2 WHERE id = $1";

const INSERT_IMAGE: &str = "
    INSERT INTO version_images (version_id, ordinal, component, repository, tag, digest)
    VALUES ($1, $2, $3, $4, $5, $6)";

const PUT_CHECK: &str = "
    INSERT INTO version_checks
        (version_id, name, verdict, link, tests_run, tests_failed, critical, high, medium, low)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (version_id, name) DO UPDATE SET verdict = excluded.verdict, link = excluded.link,
        tests_run = excluded.tests_run, tests_failed = excluded.tests_failed, critical = excluded.critical,
        high = excluded.high, medium = excluded.medium, low = excluded.low";

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM versions v WHERE v.id = $1");

const BY_LABEL: &str = concat!("SELECT ", columns!(), " FROM versions v WHERE v.service_id = $1 AND v.label = $2");

const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM versions v WHERE v.service_id = $1 ORDER BY v.ordinal DESC, v.id LIMIT $2 OFFSET $3"
);

const COUNT: &str = "
    SELECT COUNT(*) FROM (SELECT 1 FROM versions WHERE service_id = $1 LIMIT $2) AS counted";

const PAGE_CHECKS: &str = "
    SELECT c.version_id, c.name, c.verdict, c.link, c.tests_run, c.tests_failed, c.critical, c.high, c.medium, c.low
    FROM version_checks c
    JOIN versions v ON v.id = c.version_id
    WHERE v.service_id = $1 AND v.ordinal BETWEEN $2 AND $3
    ORDER BY c.name, c.version_id";

const BETWEEN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM versions v WHERE v.service_id = $1 AND v.ordinal > $2 AND v.ordinal <= $3
      ORDER BY v.ordinal DESC, v.id LIMIT $4"
);

const IMAGES: &str = "
    SELECT component, repository, tag, digest FROM version_images WHERE version_id = $1 ORDER BY ordinal";

const UNPINNED: &str = "
    SELECT DISTINCT i.version_id
    FROM version_images i JOIN versions v ON v.id = i.version_id
    WHERE v.service_id = $1 AND v.ordinal BETWEEN $2 AND $3 AND i.digest IS NULL ORDER BY i.version_id";

const CHECKS: &str = "
    SELECT version_id, name, verdict, link, tests_run, tests_failed, critical, high, medium, low
    FROM version_checks WHERE version_id = $1 ORDER BY name";

const BY_DIGEST: &str = concat!(
    "SELECT DISTINCT ",
    columns!(),
    " FROM version_images i JOIN versions v ON v.id = i.version_id
      WHERE i.digest = $1 AND v.service_id = $2 ORDER BY v.ordinal DESC, v.id"
);

const BY_TAG: &str = concat!(
    "SELECT DISTINCT ",
    columns!(),
    " FROM version_images i JOIN versions v ON v.id = i.version_id
      WHERE i.repository = $1 AND i.tag = $2 AND v.service_id = $3
          AND (i.digest IS NULL OR $4 IS NULL OR i.digest = $4)
      ORDER BY v.ordinal DESC, v.id"
);

const BY_TAG_ALONE: &str = concat!(
    "SELECT DISTINCT ",
    columns!(),
    " FROM version_images i JOIN versions v ON v.id = i.version_id
      WHERE i.tag = $1 AND v.service_id = $2 AND (i.digest IS NULL OR $3 IS NULL OR i.digest = $3)
          AND (i.component IS NULL OR $4 IS NULL OR i.component = $4)
      ORDER BY v.ordinal DESC, v.id"
);

statements!("versions.rs":
    LAST, INSERT, SET_COMMITS, INSERT_IMAGE, PUT_CHECK, BY_ID, BY_LABEL, PAGE, COUNT, PAGE_CHECKS, BETWEEN, IMAGES, UNPINNED,
    CHECKS, BY_DIGEST, BY_TAG, BY_TAG_ALONE,
);

impl Tx {
    /// Registers a version as the newest of its service. Look with
    /// [`Read::version_by_label`] before, in the same transaction, after
    /// [`Tx::lock_service`]: a pipeline that retries then finds what it registered.
    ///
    /// # Errors
    /// [`StoreError::Unique`] with [`crate::Unique::VersionLabel`]; [`StoreError::ForeignKey`] for
    /// an unknown service.
    pub async fn insert_version(&mut self, version: &NewVersion) -> Result<Version, StoreError> {
        self.lock_service(version.service).await?;
        let last = fetch_optional!(self, LAST => (i64, i64), version.service.uuid())?;
        let (last_ordinal, commits_before) = last.unwrap_or_default();
        let ordinal = last_ordinal + 1;
        execute!(
            self,
            INSERT,
            version.id.uuid(),
            version.service.uuid(),
            version.label.as_str(),
            version.label.as_str().to_lowercase(),
            ordinal,
            version.commit.as_ref().map(CommitHash::as_str),
            commits_before,
            version.flags.is_hotfix,
            version.flags.has_irreversible_migration,
            version.created_at,
            version.registered_by.as_str(),
        )?;
        self.insert_images(version).await?;
        let commits_new = self.insert_commits(version, ordinal).await?;
        execute!(self, SET_COMMITS, version.id.uuid(), commits_new)?;
        for check in &version.checks {
            self.put_check(version.id, check).await?;
        }
        self.signal(Entity::Version, version.id.uuid(), 0);
        Ok(Version {
            id: version.id,
            service: version.service,
            label: version.label.clone(),
            ordinal,
            commit: version.commit.clone(),
            commits_new,
            commits_total: commits_before + commits_new,
            flags: version.flags,
            created_at: version.created_at,
            registered_by: version.registered_by.clone(),
        })
    }

    /// Holds a service until the end of the transaction, so that two registrations of its versions
    /// go one after the other. Tells whether it is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lock_service(&mut self, id: ServiceId) -> Result<bool, StoreError> {
        let text = self.dialect().lock_service();
        Ok(fetch_optional!(self, text => (uuid::Uuid,), id.uuid())?.is_some())
    }

    async fn insert_images(&mut self, version: &NewVersion) -> Result<(), StoreError> {
        for (ordinal, of) in (0_i64..).zip(&version.images) {
            execute!(
                self,
                INSERT_IMAGE,
                version.id.uuid(),
                ordinal,
                of.component.as_ref().map(ContainerName::as_str),
                of.image.repository(),
                of.image.tag(),
                of.image.digest().map(Digest::as_str),
            )?;
        }
        Ok(())
    }

    /// Adds a check to a version, or replaces the one of the same name.
    ///
    /// # Errors
    /// [`StoreError::ForeignKey`] for an unknown version.
    pub async fn put_check(&mut self, version: VersionId, check: &Check) -> Result<(), StoreError> {
        let counts = &check.counts;
        execute!(
            self,
            PUT_CHECK,
            version.uuid(),
            check.name.as_str(),
            word(&check.verdict),
            check.link.as_ref().map(WebLink::as_str),
            counts.tests_run.map(i64::from),
            counts.tests_failed.map(i64::from),
            counts.critical.map(i64::from),
            counts.high.map(i64::from),
            counts.medium.map(i64::from),
            counts.low.map(i64::from),
        )?;
        self.signal(Entity::Version, version.uuid(), 0);
        Ok(())
    }
}

impl Read {
    /// The version with this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn version(&mut self, id: VersionId) -> Result<Option<Version>, StoreError> {
        Ok(fetch_optional!(self, BY_ID => VersionColumns, id.uuid())?.map(Version::from))
    }

    /// The version of a service with this label.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn version_by_label(
        &mut self,
        service: ServiceId,
        label: &VersionLabel,
    ) -> Result<Option<Version>, StoreError> {
        Ok(fetch_optional!(self, BY_LABEL => VersionColumns, service.uuid(), label.as_str())?.map(Version::from))
    }

    /// A page of the versions of a service, newest first, with their checks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn versions_of_service(
        &mut self,
        service: ServiceId,
        paging: Paging,
    ) -> Result<Page<VersionRow>, StoreError> {
        let (limit, offset) = (i64::from(paging.limit), i64::from(paging.offset));
        let versions = fetch_all!(self, PAGE => VersionColumns, service.uuid(), limit, offset)?;
        let (total,) = fetch_one!(self, COUNT => (i64,), service.uuid(), COUNTED)?;
        let newest = versions.first().map_or(0, |v| v.ordinal);
        let oldest = versions.last().map_or(0, |v| v.ordinal);
        let checks = fetch_all!(self, PAGE_CHECKS => CheckColumns, service.uuid(), oldest, newest)?;
        let of = |id| checks.iter().filter(move |c| c.version_id == id).cloned().map(Check::from).collect();
        let rows = versions.into_iter().map(|v| VersionRow { checks: of(v.id), version: v.into() }).collect();
        Ok(Page { rows, total })
    }

    /// The versions of a service after the one at `after` up to and with the one at `to`, newest
    /// first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn versions_between(
        &mut self,
        service: ServiceId,
        after: i64,
        to: i64,
        limit: u32,
    ) -> Result<Vec<Version>, StoreError> {
        let rows = fetch_all!(self, BETWEEN => VersionColumns, service.uuid(), after, to, i64::from(limit))?;
        Ok(rows.into_iter().map(Version::from).collect())
    }

    /// The images of a version in the order in which they were given.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn version_images(&mut self, id: VersionId) -> Result<Vec<VersionImage>, StoreError> {
        let rows = fetch_all!(self, IMAGES => ImageColumns, id.uuid())?;
        rows.into_iter().map(image).collect()
    }

    /// Those of the versions from the one at `oldest` up to and with the one at `newest` that have an
    /// image without a digest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unpinned_versions(
        &mut self,
        service: ServiceId,
        oldest: i64,
        newest: i64,
    ) -> Result<Vec<VersionId>, StoreError> {
        let rows = fetch_all!(self, UNPINNED => (uuid::Uuid,), service.uuid(), oldest, newest)?;
        Ok(rows.into_iter().map(|(id,)| VersionId::new(id)).collect())
    }

    /// The checks of a version by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn version_checks(&mut self, id: VersionId) -> Result<Vec<Check>, StoreError> {
        Ok(fetch_all!(self, CHECKS => CheckColumns, id.uuid())?.into_iter().map(Check::from).collect())
    }

    /// The versions of a service that have this image, newest first: by digest where both know it,
    /// else by repository and tag.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn versions_by_image(&mut self, service: ServiceId, image: &Image) -> Result<Vec<Version>, StoreError> {
        let digest = image.digest().map(Digest::as_str);
        let mut rows = match digest {
            Some(digest) => fetch_all!(self, BY_DIGEST => VersionColumns, digest, service.uuid())?,
            None => vec![],
        };
        if let (true, Some(tag)) = (rows.is_empty(), image.tag()) {
            rows = fetch_all!(self, BY_TAG => VersionColumns, image.repository(), tag, service.uuid(), digest)?;
        }
        Ok(rows.into_iter().map(Version::from).collect())
    }

    /// The versions of a service that have an image with this tag, newest first: where both know a digest, with that;
    /// where both name a component, of that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn versions_by_tag(
        &mut self,
        service: ServiceId,
        alone: &TagAlone,
        component: Option<&ContainerName>,
    ) -> Result<Vec<Version>, StoreError> {
        let digest = alone.digest.as_ref().map(Digest::as_str);
        let component = component.map(ContainerName::as_str);
        let rows = fetch_all!(self, BY_TAG_ALONE => VersionColumns, &alone.tag, service.uuid(), digest, component)?;
        Ok(rows.into_iter().map(Version::from).collect())
    }
}

fn image(row: ImageColumns) -> Result<VersionImage, StoreError> {
    let tag = row.tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = row.digest.as_ref().map(Digest::as_str);
    let image = Image::parse(&format!("{}{tag}", row.repository), digest);
    let image = image.map_err(|error| StoreError::corrupt("image of a version", error))?;
    Ok(VersionImage { component: row.component, image })
}
