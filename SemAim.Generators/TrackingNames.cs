namespace SemAim.Generators;

/// <summary>Names of the incremental steps; tests ask the driver by them.</summary>
public static class TrackingNames
{
    /// <summary>What modules are read from: the files' tokens, the references, the project's properties.</summary>
    public const string Sources = "Sources";

    /// <summary>Class → <see cref="Ir.ModuleUnit"/>.</summary>
    public const string Parse = "Parse";

    /// <summary>All units → contracts.</summary>
    public const string Signatures = "Signatures";

    /// <summary>Unit and the contracts it uses.</summary>
    public const string Link = "Link";

    /// <summary>All units → contracts with costs.</summary>
    public const string Price = "Price";

    /// <summary>Checked, optimised, written.</summary>
    public const string Compile = "Compile";

    /// <summary>What becomes a file.</summary>
    public const string Emit = "Emit";
}
