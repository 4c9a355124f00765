"""Makes Parquet of a folder of pictures as datasets does: load the folder, embed the bytes, write. Arguments: the folder, and where to."""

import os
import sys
import tempfile

source, to = sys.argv[1:]
os.environ["HF_DATASETS_OFFLINE"] = "1"
with tempfile.TemporaryDirectory(dir=os.path.dirname(to)) as cache:
    os.environ["HF_HOME"] = cache

    import datasets
    from datasets.table import embed_table_storage

    datasets.disable_progress_bars()
    pictures = datasets.load_dataset("imagefolder", data_dir=source, split="train", cache_dir=cache, drop_labels=True)
    pictures = pictures.with_format("arrow").map(embed_table_storage, batched=True, batch_size=100).with_format(None)
    os.makedirs(to)
    pictures.to_parquet(os.path.join(to, "0.parquet"), batch_size=100)
