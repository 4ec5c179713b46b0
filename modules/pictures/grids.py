"""All pictures of a job on one sheet (interface 15.1): how many rows, and the sheet itself.

Works on files' bytes; knows no job and no folder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from modules.pictures.metadata import open_image
from modules.settings import Settings


def rows_for(count: int, batch_size: int, settings: Settings) -> int:
    """Rows for `count` pictures: those of the setting, 0 meaning the batch size; by itself about as
    many rows as columns.
    """
    saving = settings.saving_images
    if saving.n_rows > 0:
        rows = saving.n_rows
    elif saving.n_rows == 0:
        rows = batch_size
    elif saving.grid_prevent_empty_spots:
        rows = next(rows for rows in range(math.isqrt(count), 0, -1) if count % rows == 0)
    else:
        rows = round(math.sqrt(count))
    return max(1, min(rows, count))


def sheet_size(sizes: Sequence[tuple[int, int]], rows: int) -> tuple[int, int]:
    """(width, height) of the sheet; each place is as large as the largest picture."""
    columns = math.ceil(len(sizes) / rows)
    return columns * max(width for width, _ in sizes), rows * max(height for _, height in sizes)


def sheet(files: Sequence[bytes], rows: int, settings: Settings) -> Image.Image:
    """The pictures row by row, places without one in the background's colour. ImageError where a
    file can't be read.
    """
    most = settings.easel.easel_max_pixels
    images = [open_image(data, max_pixels=most) for data in files]
    sizes = [image.size for image in images]
    columns = math.ceil(len(images) / rows)
    width, height = sheet_size(sizes, rows)
    result = Image.new("RGB", (width, height), settings.saving_images.grid_background_color)
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        result.paste(image.convert("RGB"), (column * width // columns, row * height // rows))
    return result
