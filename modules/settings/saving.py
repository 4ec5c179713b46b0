"""Settings of saving: formats, names and folders of the files that come out."""

from __future__ import annotations

from dataclasses import dataclass

from modules.settings.option import Section, option

CATEGORY = "Saving images"
FORMATS = ("png", "jpg", "jpeg", "webp", "avif")


@dataclass(frozen=True)
class SavingImages(Section, id="saving-images", title="Saving images/grids", category=CATEGORY):
    samples_save: bool = option(True, "Always save all generated images")
    samples_format: str = option("png", "File format for images", choices=FORMATS)
    samples_filename_pattern: str = option(
        "",
        "Images filename pattern",
        "Tokens such as [seed], [date], [model_name]. Empty: [seed] when saving to a subdirectory, "
        "else [seed]-[prompt_spaces].",
    )
    save_images_add_number: bool = option(True, "Add a running number to file names when saving")
    save_images_replace_action: str = option(
        "Replace",
        "When a file of that name exists",
        "Counts only where no running number is added.",
        choices=("Replace", "Add number suffix"),
    )
    grid_save: bool = option(True, "Always save all generated image grids")
    grid_format: str = option("png", "File format for grids", choices=FORMATS)
    grid_extended_filename: bool = option(False, "Put seed and prompt into a grid's file name")
    grid_only_if_multiple: bool = option(True, "No grid for a single picture")
    grid_prevent_empty_spots: bool = option(False, "No empty spots in a grid")
    grid_zip_filename_pattern: str = option(
        "",
        "Archive filename pattern",
        "Empty: [datetime]_[[model_name]]_[seed]-[seed_last].",
    )
    n_rows: int = option(
        -1,
        "Grid row count",
        "-1: as square as possible. 0: as many as the batch size.",
        low=-1,
        high=16,
        step=1,
    )
    font: str = option(
        "",
        "Font for the text in grids",
        "Path of a TrueType file. Empty: the default.",
        built=False,
    )
    grid_text_active_color: str = option(
        "#000000", "Text colour in grids", colour=True, built=False
    )
    grid_text_inactive_color: str = option(
        "#999999", "Inactive text colour in grids", colour=True, built=False
    )
    grid_background_color: str = option("#ffffff", "Background colour of grids", colour=True)
    save_images_before_face_restoration: bool = option(
        False, "Also save the picture as it was before face restoration", built=False
    )
    save_images_before_highres_fix: bool = option(
        False, "Also save the picture as it was before hires fix"
    )
    save_images_before_color_correction: bool = option(
        False, "Also save the picture as it was before colour correction in img2img"
    )
    save_mask: bool = option(False, "For inpainting, also save the mask in black and white")
    save_mask_composite: bool = option(False, "For inpainting, also save what was under the mask")
    jpeg_quality: int = option(
        80, "Quality of saved JPEG, WebP and AVIF files", low=1, high=100, step=1
    )
    webp_lossless: bool = option(False, "Lossless WebP")
    export_for_4chan: bool = option(
        True,
        "Also save a smaller JPEG of a large picture",
        "When the file or a side exceeds the two limits below.",
    )
    img_downscale_threshold: float = option(
        4.0, "File size limit for that, in MB", low=0, high=4096
    )
    target_side_length: int = option(4000, "Side limit for that, in pixels", low=0, high=100_000)
    img_max_size_mp: float = option(200.0, "Largest grid, in megapixels", low=0, high=10_000)
    use_original_name_batch: bool = option(True, "Keep original file names in Extras' batch")
    use_upscaler_name_as_suffix: bool = option(
        False, "Add the upscaler's name to file names in Extras"
    )
    save_write_log_csv: bool = option(
        True, "Write log.csv when pictures are saved with the Save button"
    )
    save_selected_only: bool = option(True, "The Save button saves the selected picture only")
    save_init_img: bool = option(False, "Save the start pictures of img2img")
    temp_dir: str = option(
        "", "Directory for temporary pictures", "Empty: the system's.", built=False
    )
    clean_temp_dir_at_start: bool = option(
        False, "Clean the directory for temporary pictures at start", built=False
    )
    save_incomplete_images: bool = option(
        False, "Save pictures that were interrupted before their last step"
    )
    notification_audio: bool = option(
        True, "Play notification.mp3 when pictures are ready", reload=True
    )
    notification_volume: int = option(100, "Volume of the notification", low=0, high=100, step=1)


@dataclass(frozen=True)
class SavingPaths(Section, id="saving-paths", title="Paths for saving", category=CATEGORY):
    outdir_samples: str = option(
        "", "Output directory for all images", "Overrides the three below.", hidden_dir=True
    )
    outdir_txt2img_samples: str = option(
        "outputs/txt2img-images", "Output directory for txt2img images", hidden_dir=True
    )
    outdir_img2img_samples: str = option(
        "outputs/img2img-images", "Output directory for img2img images", hidden_dir=True
    )
    outdir_extras_samples: str = option(
        "outputs/extras-images",
        "Output directory for images from the Extras tab",
        hidden_dir=True,
    )
    outdir_grids: str = option(
        "",
        "Output directory for all grids",
        "Overrides the two below.",
        hidden_dir=True,
    )
    outdir_txt2img_grids: str = option(
        "outputs/txt2img-grids",
        "Output directory for txt2img grids",
        hidden_dir=True,
    )
    outdir_img2img_grids: str = option(
        "outputs/img2img-grids",
        "Output directory for img2img grids",
        hidden_dir=True,
    )
    outdir_save: str = option(
        "log/images",
        "Directory for images saved with the Save button",
        hidden_dir=True,
    )
    outdir_init_images: str = option(
        "outputs/init-images",
        "Directory for the start pictures of img2img",
        hidden_dir=True,
    )


@dataclass(frozen=True)
class SavingToDirs(Section, id="saving-to-dirs", title="Saving to a directory", category=CATEGORY):
    save_to_dirs: bool = option(True, "Save images to a subdirectory")
    grid_save_to_dirs: bool = option(True, "Save grids to a subdirectory")
    use_save_to_dirs_for_ui: bool = option(False, "Save to a subdirectory with the Save button too")
    directories_filename_pattern: str = option("[date]", "Directory name pattern")
    directories_max_prompt_words: int = option(
        8, "Most words that [prompt_words] puts into a name", low=1, high=20, step=1
    )
