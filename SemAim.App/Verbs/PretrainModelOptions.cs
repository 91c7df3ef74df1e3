using CommandLine;
using SemAim.Models;
using SemAim.Models.Orders;
using SemAim.Models.Teachers;
using SemAim.Runtime;

namespace SemAim.App.Verbs;

/// <summary>Options of <c>semaim pretrain</c> about the model, the order and the target, under the original's names (behaviour.md 7), and those of the original's that a run here needs no more.</summary>
internal abstract class PretrainModelOptions : PictureOptions
{
    private static readonly string[] Features = ["none", "inference", "ema", "dino", "clip"];

    [Option("model", Default = "aim_base", HelpText = "aim_tiny, aim_base, aim_large or aim_huge. (The original's default does not exist.)")]
    public string Model { get; set; } = "";

    [Option("input_size", Default = null, HelpText = "Side of the pictures, pixels, a multiple of the patches'. Without it the model's: 64 for aim_tiny, else 224.")]
    public int? InputSize { get; set; }

    [Option("query_depth", Default = null, HelpText = "Query blocks. Without it the model's: 1 for aim_tiny, 16 for aim_huge (where the original's 12 cannot run), else 12.")]
    public int? QueryDepth { get; set; }

    [Option("share_weight", Default = false, HelpText = "The encoder's blocks are the query blocks too.")]
    public bool ShareWeight { get; set; }

    [Option("prediction_head_type", Default = "MLP", HelpText = "MLP or LINEAR.")]
    public string PredictionHeadType { get; set; } = "";

    [Option("permutation_type", Default = "stochastic", HelpText = "Order of prediction: stochastic, stochastic_center, zigzag (row by row; also row_major), raster (every second row backwards; also boustrophedon), center2out, out2center, attention, attention_guided, attention_center.")]
    public string PermutationType { get; set; } = "";

    [Option("box_table", Default = BoxTable.Auto, HelpText = "Boxes of attention_guided and stochastic_center: original (its table for 14 × 14 patches, which misses the last row and column), corrected, or auto: original on 14 × 14 patches, else corrected.")]
    public BoxTable BoxTable { get; set; }

    [Option("attention_type", Default = "cls", HelpText = "Map of the attention orders: cls (likeness to the class token), gap (to the mean of the patches) or self (attention of the last block).")]
    public string AttentionType { get; set; } = "";

    [Option("use_ema_model", Default = false, HelpText = "An average of the weights gives the map, not the weights themselves; clip and dino give their own.")]
    public bool UseEmaModel { get; set; }

    [Option("predict_feature", Default = "none", HelpText = "What is predicted: none (pixels), inference (the model's own tokens), ema (those of the average of its weights), dino or clip (those of --teacher).")]
    public string PredictFeature { get; set; } = "";

    [Option("teacher", Default = "", HelpText = "Weights of the dino or clip teacher: the public state_dict as .pth or .safetensors, CLIP's TorchScript archive, or DINO's full checkpoint.")]
    public string Teacher { get; set; } = "";

    [Option("teacher_key", Default = null, HelpText = "Dictionary of a .pth teacher. Without it state_dict, model or the file itself; of DINO's full checkpoint, which has teacher and student, the teacher.")]
    public string? TeacherKey { get; set; }

    [Option("teacher_heads", Default = null, HelpText = "Heads of the teacher; without it one for every 64 channels.")]
    public int? TeacherHeads { get; set; }

    [Option("clip_imagenet_norm", Default = false, HelpText = "Feed CLIP pictures normalised for ImageNet, as the original does, instead of with CLIP's own mean and deviation.")]
    public bool ClipImagenetNorm { get; set; }

    [Option("log_dir", Default = "", Hidden = true, HelpText = "The original's; curves are in the run folder here.")]
    public string LogDir { get; set; } = "";

    [Option("saveckp_freq", Default = null, Hidden = true, HelpText = "The original's; see --save-every and --keep.")]
    public int? SaveckpFreq { get; set; }

    [Option("start_epoch", Default = 0, Hidden = true, HelpText = "The original's; a run goes on where its newest checkpoint is.")]
    public int StartEpoch { get; set; }

    [Option("pin_mem", Default = false, Hidden = true, HelpText = "The original's; batches are pinned wherever that helps.")]
    public bool PinMem { get; set; }

    [Option("world_size", Default = 1, Hidden = true, HelpText = "The original's, ignored there too: this version trains in one process.")]
    public int WorldSize { get; set; }

    [Option("local_rank", Default = -1, Hidden = true, HelpText = "The original's, without effect: this version trains in one process.")]
    public int LocalRank { get; set; }

    [Option("dist_on_itp", Default = false, Hidden = true, HelpText = "The original's, without effect: this version trains in one process.")]
    public bool DistOnItp { get; set; }

    [Option("dist_url", Default = "env://", Hidden = true, HelpText = "The original's, without effect: this version trains in one process.")]
    public string DistUrl { get; set; } = "";

    [Option("dist_backend", Default = "auto", Hidden = true, HelpText = "auto or none: this version trains in one process.")]
    public string DistBackend { get; set; } = "";

    [Option("dist_timeout", Default = "", Hidden = true, HelpText = "No effect: this version trains in one process.")]
    public string DistTimeout { get; set; } = "";

    [Option("dist_overlap", Default = false, Hidden = true, HelpText = "No effect: this version trains in one process.")]
    public bool DistOverlap { get; set; }

    /// <summary>Options of the original that were given and change nothing here, with what serves instead.</summary>
    internal IEnumerable<string> WithoutEffect()
    {
        if (LogDir.Length > 0) yield return "--log_dir changes nothing: curves are in the run folder's tensorboard/";
        if (SaveckpFreq is not null) yield return "--saveckp_freq changes nothing: --save-every and --keep say which checkpoints stay";
        if (StartEpoch != 0) yield return "--start_epoch changes nothing: the run goes on where its newest checkpoint is";
        if (PinMem) yield return "--pin_mem changes nothing: batches are pinned wherever that helps";
        if (WorldSize != 1 || LocalRank != -1 || DistOnItp || DistUrl != "env://" || DistTimeout.Length > 0 || DistOverlap) yield return "--world_size, --local_rank, --dist_on_itp, --dist_url, --dist_timeout and --dist_overlap change nothing: this version trains in one process";
    }

    /// <summary>Refuses values that no run can have.</summary>
    /// <exception cref="UsageException">names the option, the value and what is allowed</exception>
    internal void CheckModel()
    {
        CheckOrder(PermutationType);
        if (DistBackend is "mpi" or "nccl") throw new UsageException($"--dist_backend {DistBackend}: this version trains in one process; leave it out");
        OneOf("dist_backend", DistBackend, ["auto", "none"]);
        OneOf("prediction_head_type", PredictionHeadType, ["MLP", "LINEAR"]);
        OneOf("attention_type", AttentionType, ["cls", "gap", "self"]);
        OneOf("predict_feature", PredictFeature, Features);
        if (NeedsTeacher && Teacher.Length == 0) throw new UsageException($"--predict_feature {PredictFeature}: give the teacher's weights with --teacher FILE (.pth or .safetensors)");
        if (!NeedsTeacher && Teacher.Length > 0) throw new UsageException($"--teacher {Teacher}: --predict_feature {PredictFeature} has no teacher; choose dino or clip");
        if (ClipImagenetNorm && PredictFeature != "clip") throw new UsageException($"--clip_imagenet_norm: --predict_feature {PredictFeature} has no CLIP teacher");
        _ = Make(0);
    }

    /// <summary>True where the run keeps an average of its weights.</summary>
    internal bool KeepsAverage => UseEmaModel || PredictFeature == "ema";

    /// <summary>True where tokens are predicted, not pixels.</summary>
    internal bool PredictsTokens => PredictFeature != "none";

    private bool NeedsTeacher => PredictFeature is "dino" or "clip";

    /// <summary>The model; the caller disposes it.</summary>
    /// <param name="teacherWidth">width of the teacher's tokens; not read where there is no teacher</param>
    internal AimViT CreateModel(int teacherWidth) => ModelCatalogue.CreateAim(Model, Make(teacherWidth));

    /// <summary>The teacher, or null where the run has none; the caller disposes it.</summary>
    /// <exception cref="RefusedException">the file is no such teacher, or does not fit the model's patches</exception>
    internal Teacher? OpenTeacher()
    {
        if (!NeedsTeacher) return null;
        var sizes = ModelCatalogue.AimSizes(Model);
        var side = InputSize ?? sizes.ImageSize;
        var patches = new Grid(side / sizes.PatchSize, side / sizes.PatchSize);
        var map = Orders.Of(PermutationType).NeedsGuidance;
        var options = new TeacherOptions(TeacherKey, TeacherHeads);
        return PredictFeature == "clip" ? Models.Teachers.Teacher.Clip(Teacher, side, patches, !ClipImagenetNorm, map: map, options: options) : Models.Teachers.Teacher.Dino(Teacher, side, patches, map: map, options: options);
    }

    /// <summary>What guides a run whose student or average is given.</summary>
    internal IGuidance Guidance(AimViT student, AimViT? average, Teacher? teacher)
    {
        if (teacher is not null) return teacher;
        var type = Enum.Parse<AttentionType>(AttentionType, ignoreCase: true);
        // the student's own tokens are predicted with the student's own map, from one pass
        var guide = PredictFeature == "inference" ? student : average ?? student;
        return new EncoderGuidance(guide, type, PredictsTokens, Orders.Of(PermutationType).NeedsGuidance);
    }

    /// <summary>What decides the mathematics, by option.</summary>
    internal IEnumerable<(string Name, object? Value)> ModelMathematics()
        => [("input_size", InputSize), ("query_depth", QueryDepth), ("share_weight", ShareWeight), ("prediction_head_type", PredictionHeadType), ("box_table", BoxTable), ("attention_type", AttentionType), ("use_ema_model", UseEmaModel), ("predict_feature", PredictFeature), ("clip_imagenet_norm", ClipImagenetNorm), .. TeacherMathematics()];

    // only where given: runs that were begun without these options go on
    private IEnumerable<(string, object?)> TeacherMathematics()
    {
        if (TeacherKey is not null) yield return ("teacher_key", TeacherKey);
        if (TeacherHeads is not null) yield return ("teacher_heads", TeacherHeads);
    }

    private AimOptions Make(int teacherWidth)
    {
        var sizes = ModelCatalogue.AimSizes(Model);
        var options = new AimOptions
        {
            InputSize = InputSize,
            QueryDepth = QueryDepth,
            LinearHead = PredictionHeadType == "LINEAR",
            ShareWeight = ShareWeight,
            PredictedWidth = PredictFeature switch { "none" => null, "inference" or "ema" => sizes.Width, _ => teacherWidth },
        };
        ModelCatalogue.CheckAim(Model, options);
        var side = InputSize ?? sizes.ImageSize;
        if (BoxTable == BoxTable.Original && side / sizes.PatchSize != 14)
            throw new UsageException($"--box_table original: that table is for 14 × 14 patches, {Model} has {side / sizes.PatchSize} × {side / sizes.PatchSize}; choose auto or corrected");
        return options;
    }

    /// <summary>Refuses what is no order, with the one that was probably meant.</summary>
    /// <exception cref="UsageException">there is no such order</exception>
    internal static void CheckOrder(string name)
    {
        try { _ = Orders.Of(name); }
        catch (UsageException e) when (CommandLineProgram.Nearest(name, Orders.Names) is { Length: > 0 } meant) { throw new UsageException(e.Message + meant, e); }
    }

    private static void OneOf(string option, string value, string[] allowed)
    {
        if (!allowed.Contains(value)) throw new UsageException($"--{option} {value}: choose one of {string.Join(", ", allowed)}{CommandLineProgram.Nearest(value, allowed)}");
    }
}
